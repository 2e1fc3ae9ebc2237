// What a file's tests share ends with the file. Vitest does not run an `afterAll` that is registered while a hook runs.
import { afterAll } from 'vitest';

/** Called at the top of a file. What its hooks and tests hand to the answer is run after the last test, the latest first. */
export function fileEnd(): (end: () => Promise<void>) => void {
  const ends: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const end of ends.toReversed()) await end();
  });
  return (end) => void ends.push(end);
}
