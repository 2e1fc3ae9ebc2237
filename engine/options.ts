// What an embedding program says to an engine, and what the engine says of itself.
import type { Logger } from 'pino';
import type { TaskDefinition } from '../core/template/builder.ts';
import type { TaskTemplate } from '../core/template/template.ts';
import type { HandlerSource } from '../handlers/registry.ts';
import type { Database } from '../sql/database.ts';
import type { StepCounts } from './dispatcher.ts';
import type { QueueAdapter } from './queue/adapter.ts';

export interface EngineOptions {
  /** The database, or the URL of one. It must be migrated. */
  readonly database: Database | string;
  /** Classes under their own names, or a record of name to class. */
  readonly handlers?: HandlerSource;
  /** Templates to register at start; a typed definition brings its handlers along. */
  readonly templates?: readonly (TaskTemplate | TaskDefinition)[];
  /** How tasks come back to us. Default: graphile-worker in the same database. */
  readonly queue?: QueueAdapter;
  /** Where tasks that run in the Rails engine are handed to it (docs/mixed-fleets.md). Default: nowhere, the app takes them itself. */
  readonly railsQueue?: QueueAdapter;
  /** Steps that may run at once in this process. Default 100. */
  readonly concurrency?: number;
  /** Which environment of the templates counts. Default `development`. */
  readonly environment?: string;
  /** Seconds without a heartbeat after which others take this process's steps back. Default 15. */
  readonly leaseSeconds?: number;
  /** `auto`: hold a lock for life where sessions are our own, so that others see a death at once. Default `auto`. */
  readonly sessionLocks?: 'auto' | 'off';
  /**
   * A step that ends within so many ms writes its start and its end to the audit trail together; a longer one is shown as
   * in_progress after that time. The claim is on disk before the handler starts in any case. 0: in_progress at once.
   * Default 50.
   */
  readonly fuseMs?: number;
  /**
   * How often to look for steps when no notification came, in ms. Default 1000. While nobody runs steps and notifications
   * arrive, up to 5000 means: every 5000 (docs/decisions/0007).
   */
  readonly pollIntervalMs?: number;
  /** Seconds between two looks at all unfinished tasks, whichever engine takes them. Default 30. */
  readonly sweepSeconds?: number;
  /** Days after which tasks that are complete, cancelled or resolved are removed. Default: never. */
  readonly retentionDays?: number;
  /** Seconds that an attempt may take where the template of its step does not say it. Default: as long as it likes. */
  readonly defaultTimeoutSeconds?: number;
  /** Bytes of JSON text that the results of a step may have. Default 4 MiB, see DEFAULT_MAX_RESULT_BYTES. */
  readonly maxResultBytes?: number;
  /** Connections for handlers that complete their steps in transactions of their own. Default 10. */
  readonly handlerConnections?: number;
  readonly log?: Logger;
}

export interface StopOptions {
  /** Seconds that running handlers may take to end before their signal aborts. Default 30. */
  readonly graceSeconds?: number;
}

/** What became of the steps that were still running when the engine was told to stop. */
export interface StopReport extends StepCounts {}

/** What an engine is doing, for people and their monitoring. */
export interface EngineStats {
  readonly worker_id: number | null;
  /** Rises when this process was declared dead and came back. */
  readonly epoch: number | null;
  /** Handlers at work. */
  readonly running: number;
  /** Outcomes that wait to be written. */
  readonly backlog: number;
  readonly late_outcomes: number;
  readonly postgres_away: boolean;
}
