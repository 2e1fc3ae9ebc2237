// Claimed steps as the wire carries them, and how many of them fit into one message. The size is an upper bound, added up
// while the message is made: to encode it only to measure it would cost as much again.
import type { Assignment } from '../../../engine/connected-worker.ts';
import type { Assignment as WireAssignment } from '../../../proto/gen/treadle/v1/worker.ts';
import type { ClaimedStep, ClaimedTask } from '../../../sql/delivery.ts';
import { EMPTY, jsonText, jsonTextOrEmpty, type JsonText } from '../json-texts.ts';
import { traceContextOf } from './trace-context.ts';

export interface SizedAssignment {
  readonly message: WireAssignment;
  /** Never less than what it takes in a message. */
  readonly bytes: number;
}

/** Tag and length or number of any field, rounded up. */
const FIELD = 16;
/** Fields of an assignment and of its task. */
const FIELDS = 25 * FIELD;
/** What a message has around its assignments. */
const ENVELOPE = 2 * FIELD;

/** Throws RangeError where a part of it is longer than a string can be. */
export function wireAssignment({ step, timeout_ms }: Assignment): SizedAssignment {
  const sized = new Sized();
  const { task } = step;
  const message = {
    claim_token: sized.plain(step.claim_token),
    handler: sized.plain(step.handler),
    task: wireTask(task, sized),
    workflow_step_id: step.workflow_step_id,
    step_name: sized.plain(step.step_name),
    attempt: step.attempt,
    retry_limit: step.retry_limit,
    inputs_json: sized.json(step.inputs === task.context ? EMPTY : jsonText(step.inputs)),
    results_json: sized.json(jsonTextOrEmpty(step.results)),
    handler_config_json: sized.json(jsonTextOrEmpty(step.handler_config)),
    parents: wireParents(step, sized),
    timeout_ms: Math.ceil(timeout_ms ?? 0),
    trace_context: sized.pairs(traceContextOf(task.tags)),
  };
  return { message, bytes: sized.bytes };
}

/** The assignments in their order, as many to a message as may be. Each of them alone fits. */
export function messagesOf(assignments: readonly SizedAssignment[], maxBytes: number): WireAssignment[][] {
  const messages: WireAssignment[][] = [];
  let room = 0;
  for (const { message, bytes } of assignments) {
    if (bytes > room) {
      messages.push([]);
      room = maxBytes - ENVELOPE;
    }
    messages.at(-1)?.push(message);
    room -= bytes;
  }
  return messages;
}

export function fitsAlone({ bytes }: SizedAssignment, maxBytes: number): boolean {
  return bytes + ENVELOPE <= maxBytes;
}

function wireTask(task: ClaimedTask, sized: Sized): WireAssignment['task'] {
  return {
    task_id: task.task_id,
    namespace_name: sized.plain(task.namespace_name),
    name: sized.plain(task.name),
    version: sized.plain(task.version),
    context_json: sized.json(jsonText(task.context)),
    initiator: sized.plain(task.initiator ?? ''),
    source_system: sized.plain(task.source_system ?? ''),
    reason: sized.plain(task.reason ?? ''),
    tags_json: sized.json(jsonText(task.tags)),
    requested_at: sized.plain(task.requested_at),
  };
}

function wireParents({ parent_results }: ClaimedStep, sized: Sized): WireAssignment['parents'] {
  return Object.entries(parent_results ?? {}).map(([step_name, results]) => {
    sized.add(FIELD);
    return { step_name: sized.plain(step_name), results_json: sized.json(jsonText(results)) };
  });
}

/** Adds up what passes through it. */
class Sized {
  bytes = FIELDS;

  add(bytes: number): void {
    this.bytes += bytes;
  }

  plain(text: string): string {
    this.add(FIELD + Buffer.byteLength(text));
    return text;
  }

  json({ text, bytes }: JsonText): string {
    this.add(FIELD + bytes);
    return text;
  }

  pairs(pairs: Record<string, string>): Record<string, string> {
    for (const [key, value] of Object.entries(pairs)) {
      this.add(FIELD);
      this.plain(key);
      this.plain(value);
    }
    return pairs;
  }
}
