// Why an attempt should stop, as the wire says it.
import type { StopCause } from '../../../engine/connected-worker.ts';
import { CancelReason } from '../../../proto/gen/treadle/v1/worker.ts';

export const CANCEL_REASONS = {
  timed_out: CancelReason.TIMED_OUT,
  revoked: CancelReason.REVOKED,
  engine_stopping: CancelReason.ENGINE_STOPPING,
} as const satisfies Record<StopCause, CancelReason>;
