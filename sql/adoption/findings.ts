// What `treadle adopt --check` can find: what it means, what Treadle does about it, and what a person can do. `must_mend` says that
// adoption is refused while an unfinished task has it; everything else is left as it is.

export interface Known {
  readonly must_mend?: true;
  /** The end of "3 tasks ...". */
  readonly says: string;
  readonly advice: string;
}

const NEVER_MOVES =
  'Once a template of Treadle describes its task, it goes on by itself; nothing is to be done.';
const ENDS_IN_ERROR = 'Treadle would end the task in error.';

/** What broken invariants (treadle.check_invariants) mean for adoption; one that is not here is told with its own words. */
export const INVARIANTS: Readonly<Record<string, Known>> = {
  trail_order: {
    must_mend: true,
    says: 'whose most recent transition is not the one with the highest sort_key, so that nobody knows the state',
    advice: 'Set most_recent on the row with the highest sort_key, and on no other.',
  },
  known_states: {
    must_mend: true,
    says: 'with a transition to a state that neither engine knows',
    advice: 'Write one of pending, in_progress, complete, error, cancelled, resolved_manually into to_state.',
  },
  edges_inside: {
    must_mend: true,
    says: 'that lead from one task into another',
    advice: 'Delete these rows of tasker_workflow_step_edges.',
  },
  acyclic: {
    must_mend: true,
    says: 'whose steps wait for each other in a circle, and never run',
    advice: 'Delete the edge that closes the circle, or cancel the task.',
  },
  edge_pairs: {
    says: 'that are there twice',
    advice: 'Both engines count the pair once; delete the second one when you like.',
  },
  edge_names: { says: 'that are not named "provides"', advice: 'Treadle does not look at the name.' },
  in_process_cleared: {
    says: 'with in_process left true though nobody runs them: the Rails engine never runs them again',
    advice: `${ENDS_IN_ERROR} Set in_process to false where no worker runs the step.`,
  },
  attempts_counted: {
    says: 'whose attempts are no number from 0 on',
    advice: 'Treadle counts from 0; set attempts to 0.',
  },
  step_names: {
    says: 'that share their name with another step of their task',
    advice: 'Handlers see the results of only one of them; Rails refuses to update them.',
  },
  context_object: {
    says: 'whose context is not an object, or empty',
    advice: 'Rails refuses to update such a task; give it a context before it runs again.',
  },
};

/** What sql/adoption/left_behind.sql finds, by its name there. */
export const LEFT_BEHIND: Readonly<Record<string, Known>> = {
  left_in_progress: {
    says: 'left in progress with no step running: the Rails engine never takes them up again (after a crash, or with steps still to run)',
    advice: NEVER_MOVES,
  },
  left_pending: {
    says: 'left pending after having begun: no job of the Rails engine brings such a task back',
    advice: NEVER_MOVES,
  },
  never_started: {
    says: 'created and never started: the job is lost, or waits',
    advice: NEVER_MOVES,
  },
  cancelled_step: {
    says: 'waiting for ever for a step that was cancelled',
    advice: `${ENDS_IN_ERROR} Cancel the task, or resolve the step by hand.`,
  },
  stuck_running_steps: {
    says: 'in progress for long: the worker has died, or is still at it, and no table tells which',
    advice:
      'Treadle leaves them to the hand that started them. Where no worker runs a step, end its attempt: docs/adopting.md has the statement.',
  },
  never_retried: {
    says: 'failed with attempts left: the Rails engine never runs such a step again',
    advice: 'Treadle retries them at once when their back-off is over: make sure that you want that.',
  },
  exhausted: {
    says: 'with no attempt left',
    advice: `${ENDS_IN_ERROR} "treadle retry" gives a failed step new attempts, afterwards.`,
  },
  not_retryable: {
    says: 'that are not retryable and were never run: the Rails engine does not run them even once',
    advice: 'Treadle runs them once.',
  },
  marked_processed: {
    says: 'marked as processed though they are not complete: the Rails engine never runs them',
    advice: `${ENDS_IN_ERROR} Set processed to false, or write their transition to complete.`,
  },
  far_backoff: {
    says: 'whose back-off ends in more than a day',
    advice: 'Treadle waits as long; lower backoff_request_seconds where that is a mistake.',
  },
  complete_disagrees: {
    says: 'whose column complete does not say what their state says',
    advice: 'Both engines believe the transitions; set the column to what they say.',
  },
};
