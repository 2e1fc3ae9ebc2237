// The helper for tests of handlers: what it is given reaches the handler as an engine would give it.
import { expect, test } from 'vitest';
import { runHandler } from '../../handlers/testing.ts';
import { StepHandler, type StepContext } from '../../index.ts';

class Mirror extends StepHandler {
  process({ task, sequence, step, config }: StepContext): object {
    step.progress(0.5, 'half');
    const { attempt, retry_limit, name, results } = step;
    return {
      context: task.context,
      tags: task.tags,
      parents: sequence.names(),
      attempt,
      retry_limit,
      name,
      results,
      config,
    };
  }
}

class Sleeper extends StepHandler {
  process({ signal }: StepContext): Promise<never> {
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  }
}

test('a handler gets what it is given, as Postgres would give it back', async () => {
  const said: unknown[] = [];
  const outcome = await runHandler(Mirror, {
    on_progress: (progress) => said.push(progress),
    context: { at: new Date(0), nothing: undefined },
    parents: { reserve: { id: 1 } },
    config: { limit: 2 },
    results: { kept: true },
    attempt: 2,
    retry_limit: 5,
    step_name: 'mirror',
    task: { tags: ['vip'] },
  });
  const context = { at: '1970-01-01T00:00:00.000Z' };
  const step = { attempt: 2, retry_limit: 5, name: 'mirror', results: { kept: true } };
  const results = { context, tags: ['vip'], parents: ['reserve'], config: { limit: 2 }, ...step };
  expect(outcome).toMatchObject({ kind: 'complete', results });
  expect(said).toEqual([{ fraction: 0.5, message: 'half' }]);
});

test('a time-out ends the attempt', async () => {
  const outcome = await runHandler(Sleeper, { timeout_seconds: 0.01 });
  expect(outcome).toMatchObject({ kind: 'error', code: 'timed_out', permanent: false });
});

test('a class that no engine would take is refused', async () => {
  await expect(runHandler(Date as never)).rejects.toMatchObject({ code: 'invalid_argument' });
});
