// Handlers that share slots: those of this process, or those of connected workers that serve the same. A crew runs claimed
// steps, and keeps account of its slots that statements under way may fill.
import type { Outcome } from '../core/outcome.ts';
import type { Room } from '../sql/steps.ts';
import type { RunningClaim, Slots } from './running-claim.ts';

/** How an attempt ended without an outcome: see WorkerAnswer. */
export type Answer = Outcome | 'completed_in_transaction' | 'released';

export interface CrewOptions {
  readonly handlers: () => readonly string[];
  /** How many more steps it could take if none were on their way. */
  readonly capacity: (crew: Crew) => number;
  /** Runs a step. Never rejects. */
  readonly begin: (claim: RunningClaim) => Promise<Answer>;
}

export class Crew implements Slots {
  readonly #options: CrewOptions;
  running = 0;
  waiting = 0;
  /** Slots that recordings, and starts of tasks, under way may fill. */
  lent = 0;
  /** Slots that the claim under way may fill. */
  asked = 0;
  /** Before its first claim nobody knows. */
  hungry = true;
  /**
   * How many slots are lent for each step that ends: twice what the last loan needed, less and less while none is needed. What
   * is lent in vain cannot be claimed meanwhile, as when ten thousand siblings end that have one child together.
   */
  children = 1;

  constructor(options: CrewOptions) {
    this.#options = options;
  }

  get handlers(): readonly string[] {
    return this.#options.handlers();
  }

  /** Slots for steps that nothing under way can bring; none where nothing is served. */
  get free(): number {
    return this.handlers.length > 0 ? this.#options.capacity(this) - this.lent - this.asked : 0;
  }

  /** All its slots are in use: what else is ready, others must run. */
  get isFull(): boolean {
    return this.#options.capacity(this) <= 0;
  }

  begin(claim: RunningClaim): Promise<Answer> {
    return this.#options.begin(claim);
  }
}

/** Room for steps where so many slots are idle. A slow disk holds it back: no more outcomes wait than there are slots. */
export function roomFor(idle: number, running: number, waiting: number): number {
  return idle - Math.max(0, waiting - (idle + running));
}

/** Slots of crews, as one statement may fill them. */
export interface Share {
  readonly parts: readonly { readonly crew: Crew; readonly slots: number }[];
  /** Of all crews together. */
  readonly slots: number;
  readonly room: Room;
  /** Who takes a step of this handler. */
  readonly crewOf: (handler: string) => Crew | undefined;
}

/** So many slots of each crew; a handler that several crews serve goes to the one that has most. */
export function share(crews: readonly Crew[], slotsOf: (crew: Crew) => number, most = Infinity): Share {
  let left = most;
  const parts = crews.map((crew) => {
    const slots = Math.max(0, Math.min(slotsOf(crew), left));
    left -= slots;
    return { crew, slots };
  });
  const [only] = parts;
  if (parts.length === 1 && only) {
    const { crew, slots } = only;
    return { parts, slots, room: { handlers: crew.handlers, capacity: slots }, crewOf: () => crew };
  }
  return sharedBySeveral(parts);
}

function sharedBySeveral(parts: Share['parts']): Share {
  const routes = new Map<string, number>();
  for (const [place, { crew, slots }] of parts.entries()) {
    for (const handler of slots > 0 ? crew.handlers : []) {
      const other = routes.get(handler);
      if (other === undefined || slots > (parts[other]?.slots ?? 0)) routes.set(handler, place);
    }
  }
  const slots = parts.reduce((sum, part) => sum + part.slots, 0);
  const room = {
    handlers: [...routes.keys()],
    capacity: slots,
    crews: [...routes.values()].map((place) => place + 1), // arrays of SQL begin at 1
    slots: parts.map((part) => part.slots),
  };
  return { parts, slots, room, crewOf: (handler) => parts[routes.get(handler) ?? -1]?.crew };
}

/** The crew with the most room of those that serve a handler. */
export function crewFor(crews: readonly Crew[], handler: string): Crew | undefined {
  return crews
    .filter((crew) => crew.handlers.includes(handler))
    .toSorted((left, right) => right.free - left.free)[0];
}
