// The life of a workflow step, as law: every move a step can make, in any language and by any hand, is in this record.
// A retry is two moves (error -> pending -> in_progress), as the Rails engine reads it.
import { setup } from 'xstate';
import type { StepEvent } from '../vocabulary.ts';
import type { Law } from './law.ts';

export const stepLaw = {
  pending: { start: 'in_progress', fail: 'error', cancel: 'cancelled', resolve: 'resolved_manually' },
  in_progress: { complete: 'complete', fail: 'error', cancel: 'cancelled' },
  error: { retry: 'pending', resolve: 'resolved_manually' },
  complete: {},
  cancelled: {},
  resolved_manually: {},
} as const satisfies Law<StepEvent>;

export const stepMachine = setup({ types: { events: {} as { type: StepEvent } } }).createMachine({
  id: 'workflow_step',
  initial: 'pending',
  states: {
    pending: { on: stepLaw.pending },
    in_progress: { on: stepLaw.in_progress },
    error: { on: stepLaw.error },
    complete: { on: stepLaw.complete },
    cancelled: { on: stepLaw.cancelled },
    resolved_manually: { on: stepLaw.resolved_manually },
  },
});
