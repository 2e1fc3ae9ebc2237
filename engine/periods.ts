// How often an engine asks Postgres for what it might have missed. Where others work, or notifications do not arrive, often;
// where nobody works and everybody is told, seldom: then one round in five seconds finds what a lost message was about.
// docs/decisions/0007 adds up what that comes to.

/** A round may be this late without harm: the next wake-up is armed for when it is due. */
export const LONGEST_ROUND_MS = 5000;
const ROUNDS_PER_LEASE = 3;

/** How long a part that was told of something keeps its eyes open: until the next round has looked at it, and a little more. */
export const ATTENTIVE_MS = LONGEST_ROUND_MS + 2000;

/** The net below the rounds, should they fail. */
export const QUIET_POLL_MS = 30_000;

/** Between two rounds of recovery, in ms. */
export function roundMs(leaseSeconds: number): number {
  return Math.min((leaseSeconds * 1000) / ROUNDS_PER_LEASE, LONGEST_ROUND_MS);
}

export interface Surroundings {
  /** What was asked for: the interval while anything may happen. */
  readonly pollIntervalMs: number;
  /** Notifications reach us. */
  readonly hears: boolean;
  /** Steps that run here. */
  readonly running: number;
  /** Nobody else runs any, as far as we were told. */
  readonly othersQuiet: boolean;
}

/** How long the claim loop sleeps when nobody wakes it, in ms. */
export function claimPollMs({ pollIntervalMs, hears, running, othersQuiet }: Surroundings): number {
  const quiet = hears && running === 0 && othersQuiet;
  return quiet ? Math.max(pollIntervalMs, QUIET_POLL_MS) : pollIntervalMs;
}

/** Whether rounds look for ready steps too. Whoever wants to be asked less often than that shall be. */
export function roundsLookForSteps(pollIntervalMs: number): boolean {
  return pollIntervalMs <= LONGEST_ROUND_MS;
}
