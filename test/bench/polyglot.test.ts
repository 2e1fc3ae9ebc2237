// The benchmark of handlers in other languages runs at its smallest size, and says what its goals and overheads rest on.
import { beforeAll, describe, expect, test } from 'vitest';
import {
  engineRowOf,
  goals,
  overheads,
  type Measured,
  type PolyglotResult,
} from '../../bench/polyglot/result.ts';
import type { TripRow } from '../../bench/polyglot/trips.ts';
import { python, ruby } from '../../scripts/toolchains.ts';
import { quickBench } from '../support/benches.ts';

const IN_PROCESS = 'TypeScript, in process';

function trips(language: string, in_flight: number, per_second: number, p50_ms: number): TripRow {
  return {
    language,
    in_flight,
    per_second,
    p50_ms,
    p99_ms: 9,
    server_cpu_us: 1,
    client_cpu_us: per_second / 100,
  };
}

function engine(subject: string, steps_per_second: number): Measured['engine'][number] {
  const cpu = { engine_cpu_us_per_step: 50, postgres_cpu_us_per_step: null, worker_cpu_us_per_step: null };
  return { subject, in_flight: 16, steps: 7, steps_per_second, ...cpu };
}

const measured: Measured = {
  runs: 1,
  missing: [],
  engine: [engine(IN_PROCESS, 1000), engine('Python, def', 899), engine('Ruby', 400)],
  transport: [
    trips('Python, def', 1, 5000, 0.1),
    trips('Python, def', 16, 9000, 1),
    trips('Ruby', 16, 500, 1),
  ],
  protocol: [trips('Python, def', 1, 2000, 0.35), trips('Python, def', 16, 12000, 1)],
};

describe('what the benchmark polyglot concludes', () => {
  test('the goal is nine tenths of the rate in process, or four fifths of the transport where that is less', () => {
    expect(goals(measured)).toEqual([
      { language: 'Python, def', steps_per_second: 899, needed: 900, because: '90 % of in process', reached: false },
      { language: 'Ruby', steps_per_second: 400, needed: 400, because: '80 % of the bare stream', reached: true },
    ]); // prettier-ignore
  });

  test('the overhead of a step is what it takes beyond a bare round trip', () => {
    expect(overheads(measured)).toEqual([
      { language: 'Python, def', ms: 0.25, worker_cpu_us: 30, engine_cpu_us: 0 },
    ]);
  });
});

describe('the benchmark polyglot', { timeout: 240_000 }, () => {
  let present: string[];
  let result: PolyglotResult;
  beforeAll(async () => {
    const [forPython, forRuby] = [await python({ install: 'packages' }), await ruby({ install: 'packages' })];
    present = [
      ...(forPython.ok ? ['Python, def', 'Python, async def'] : []),
      ...(forRuby.ok ? ['Ruby'] : []),
    ];
    result = await quickBench<PolyglotResult>('polyglot');
  }, 240_000);

  test('says for each language whether its goal is reached, and which languages it had to leave out', () => {
    expect(result.goals.map(({ language }) => language)).toEqual(present);
    expect(result.missing).toHaveLength(
      result.goals.length === 3 ? 0 : 1 + Number(result.goals.length === 0),
    );
  });

  test('counts steps through the whole engine with all languages in one run', () => {
    for (const subject of [IN_PROCESS, ...present]) {
      expect(engineRowOf(result.engine, subject, 16)).toMatchObject({ steps: 140 });
      expect(engineRowOf(result.engine, subject, 16)?.steps_per_second).toBeGreaterThan(0);
    }
  });

  test('counts round trips with 1, 16 and 64 in flight, on a bare stream and by the worker protocol', () => {
    const cells = present.flatMap((language) => [1, 16, 64].map((in_flight) => ({ language, in_flight })));
    expect(result.protocol).toEqual(cells.map((cell) => expect.objectContaining(cell)));
    expect(result.transport.map(({ in_flight }) => in_flight)).toEqual(
      present.filter((language) => language !== 'Python, async def').flatMap(() => [1, 16, 64]),
    );
  });
});
