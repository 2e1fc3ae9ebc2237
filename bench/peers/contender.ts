// What every contender of `npm run bench -- peers` does: the same three works, made durable before the clock starts, then
// run to their end by one process. Each says with which settings, and what is on disk about a step when it has ended.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The works, with the steps that one workflow of them has. */
export const STEPS = { one_step: 1, seven_steps: 7, diamond: 4 } as const;
export type Work = keyof typeof STEPS;
export const WORKS = Object.keys(STEPS) as Work[];

/**
 * What is durable about each single step. `start`: that it begins, before it runs; the others once it has ended. `audit`:
 * every change of its state, with its time, as a row of its own.
 */
export const KEPT = ['start', 'state', 'times', 'result', 'audit'] as const;
export type Kept = (typeof KEPT)[number];

export interface About {
  /** The package and its version. */
  readonly package: string;
  /** What was set, beyond the defaults. */
  readonly settings: string;
  readonly keeps: readonly Kept[];
  /** When what is acknowledged is safe from a loss of power. */
  readonly durability: string;
  /** How each work is expressed; a work that is missing cannot be expressed, and `lacks` says why. */
  readonly ways: Readonly<Partial<Record<Work, string>>>;
  readonly lacks?: string;
}

/** Where it runs: the URL of a fresh database, or of an empty Redis. */
export interface Place {
  readonly url: string;
}

/** One contender at one work in one place. The handler of every step calls `step()`, which is all the work there is. */
export interface Entry {
  /** Makes so many workflows durable. Those that are started and run by one call have nothing to do here. */
  readonly create: (workflows: number) => Promise<void>;
  /** Starts workers; resolves when all workflows have ended and their ends are recorded. */
  readonly run: (workflows: number) => Promise<void>;
  /** How many steps have ended, by its own tables; undefined when it keeps nothing of them. */
  readonly recorded: () => Promise<number | undefined>;
  readonly leave: () => Promise<void>;
}

export interface Contender {
  readonly about: About;
  readonly enter: (place: Place, work: Work, step: () => void) => Promise<Entry>;
}

/** `name version`, as installed here. */
export function installed(name: string): string {
  const file = join(import.meta.dirname, '..', '..', 'node_modules', name, 'package.json');
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return `${name} ${version}`;
}

/** So many items, in pieces for calls that take many at once. */
export function pieces<Item>(count: number, size: number, item: (place: number) => Item): Item[][] {
  const all = Array.from({ length: count }, (_, place) => item(place));
  return Array.from({ length: Math.ceil(count / size) }, (_, page) =>
    all.slice(page * size, (page + 1) * size),
  );
}
