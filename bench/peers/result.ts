// What a run of the comparison says: a row for each contender and work.
import type { About, Work } from './contender.ts';

export interface PeerRow {
  readonly name: string;
  readonly workflows: number;
  readonly steps: number;
  /** From the start of its workers to the last recorded end of a workflow; the workflows were durable before. */
  readonly steps_per_second: number;
  /** This rate divided by Treadle's. */
  readonly times_treadle: number;
  /** The same, with the time in which the workflows were made. */
  readonly with_creation_steps_per_second: number;
  readonly with_creation_times_treadle: number;
  /** Without creation, in microseconds. */
  readonly node_cpu_us_per_step: number;
  /** Of Postgres or Redis; null where the system does not tell. */
  readonly server_cpu_us_per_step: number | null;
}

export interface PeerWork {
  readonly work: Work;
  readonly steps_per_workflow: number;
  readonly rows: readonly PeerRow[];
  /** Who cannot express this work. */
  readonly lacking: readonly string[];
}

export interface PeersResult {
  readonly runs: number;
  /** Null where there is none: then BullMQ is measured on Postgres only. */
  readonly redis: string | null;
  readonly contenders: readonly (About & { readonly name: string })[];
  readonly works: readonly PeerWork[];
}
