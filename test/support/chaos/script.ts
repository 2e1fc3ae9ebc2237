// What happens to a run, and when: the same list for the same seed. Timing on the machine may differ, the script does not.
import { Random } from './random.ts';

export type Action =
  | { readonly kind: 'kill engine' | 'terminate engine'; readonly slot: number; readonly backAfterMs: number }
  /** SIGSTOP, then SIGCONT. */
  | { readonly kind: 'stall engine'; readonly slot: number; readonly forMs: number }
  | { readonly kind: 'kill postgres'; readonly backAfterMs: number }
  /** Terminates about this share of the backends of engines. */
  | { readonly kind: 'cut connections'; readonly share: number }
  | { readonly kind: 'create tasks'; readonly count: number }
  /** `nth` picks among whatever it can be done to at that moment. */
  | { readonly kind: Hand; readonly nth: number };

/** What people and other programs do; the last four are vandals, whom only the sweep can help against. */
export const HANDS = [
  'cancel task',
  'pause task',
  'resume task',
  'retry step',
  'resolve step',
  'rails resolves step',
  'rails cancels task',
  'pause everything',
  'lose jobs',
  'lose wake-ups',
  'lose offers',
  'spoil gates',
] as const;
export type Hand = (typeof HANDS)[number];

export type Timed = Action & { readonly atMs: number };

export interface ScriptOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly engines: number;
  readonly tasks: number;
  readonly leaseSeconds: number;
  /** How often each kind happens. Default: by the length of the run. */
  readonly times?: Partial<Record<Action['kind'], number>> | undefined;
  /** Whether somebody deletes jobs, wake-ups and derived rows. */
  readonly vandals?: boolean | undefined;
}

/** Per minute. */
const RATES: Readonly<Record<Exclude<Action['kind'], 'create tasks'>, number>> = {
  'kill engine': 10,
  'terminate engine': 5,
  'stall engine': 8,
  'kill postgres': 3,
  'cut connections': 6,
  'cancel task': 10,
  'pause task': 10,
  'resume task': 8,
  'retry step': 12,
  'resolve step': 12,
  'rails resolves step': 12,
  'rails cancels task': 6,
  'pause everything': 3,
  'lose jobs': 3,
  'lose wake-ups': 3,
  'lose offers': 3,
  'spoil gates': 3,
};
const VANDALS: ReadonlySet<string> = new Set(['lose jobs', 'lose wake-ups', 'lose offers', 'spoil gates']);

/** In leases: shorter, just past it (it wakes up while others run what was its own; twice as often), or well past it. */
const STALLS: readonly (readonly [number, number])[] = [
  [0.3, 0.9],
  [1, 1.5],
  [1, 1.5],
  [1.5, 2.5],
];

/** A third of the tasks is there at the start; the others come in batches, so that there is always something to do. */
const BATCH_MS = 1500;

export function scriptOf(options: ScriptOptions): Timed[] {
  const { seed, seconds, tasks, times = {}, vandals = false } = options;
  const random = new Random(seed + 2);
  const actions: Timed[] = [];
  const first = Math.ceil(tasks / 3);
  actions.push({ kind: 'create tasks', count: first, atMs: 0 });
  const batches = Math.max(1, Math.round((seconds * 1000) / BATCH_MS) - 1);
  for (let batch = 0; batch < batches; batch += 1) {
    const upTo = (index: number): number => first + Math.round(((tasks - first) * index) / batches);
    const atMs = (batch + 1) * BATCH_MS;
    actions.push({ kind: 'create tasks', count: upTo(batch + 1) - upTo(batch), atMs });
  }
  for (const [kind, rate] of Object.entries(RATES) as [keyof typeof RATES, number][]) {
    if (VANDALS.has(kind) && !vandals) continue;
    const count = times[kind] ?? Math.max(1, Math.round((rate * seconds) / 60));
    for (let nth = 0; nth < count; nth += 1) {
      actions.push({ ...actionOf(kind, random, options), atMs: random.whole(500, seconds * 1000) });
    }
  }
  return actions.toSorted((a, b) => a.atMs - b.atMs);
}

function actionOf(
  kind: keyof typeof RATES,
  random: Random,
  { engines, leaseSeconds }: ScriptOptions,
): Action {
  const slot = random.whole(0, engines - 1);
  switch (kind) {
    case 'kill engine':
    case 'terminate engine':
      return { kind, slot, backAfterMs: random.whole(0, 1500) };
    case 'stall engine': {
      const [least, most] = random.pick(STALLS);
      return {
        kind,
        slot,
        forMs: Math.round(leaseSeconds * 1000 * (least + (most - least) * random.next())),
      };
    }
    case 'kill postgres':
      return { kind, backAfterMs: random.whole(0, 1500) };
    case 'cut connections':
      return { kind, share: random.whole(2, 10) / 10 };
    default:
      return { kind, nth: random.whole(0, 10_000) };
  }
}

export function sentenceOf(action: Action): string {
  switch (action.kind) {
    case 'kill engine':
      return `kill -9 engine ${action.slot + 1}, back after ${action.backAfterMs} ms`;
    case 'terminate engine':
      return `SIGTERM to engine ${action.slot + 1}, back ${action.backAfterMs} ms after its end`;
    case 'stall engine':
      return `SIGSTOP engine ${action.slot + 1} for ${action.forMs} ms`;
    case 'kill postgres':
      return `kill -9 Postgres, back after ${action.backAfterMs} ms`;
    case 'cut connections':
      return `cut ${action.share * 100} % of the connections`;
    case 'create tasks':
      return `create ${action.count} tasks`;
    default:
      return `${action.kind} (${action.nth})`;
  }
}
