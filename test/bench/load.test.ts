// The benchmarks that load engines in many ways run at their smallest size, find the work done, and say what they promise to say.
import { describe, expect, test } from 'vitest';
import { quickBench } from '../support/benches.ts';

interface Rows<Row> {
  readonly rows: readonly Row[];
}
type Figures = Readonly<Record<string, number>>;

// Each takes some seconds; how many, the machine decides.
describe('the benchmarks under load', { timeout: 240_000 }, () => {
  test('discovery says what finding costs, with its locks and alone', async () => {
    const { rows } = await quickBench<Rows<Figures>>('discovery');
    expect(rows.at(-1)).toMatchObject({ steps: 10_000, tasks: 1000, claimed: 1000 });
    expect(rows.at(-1)?.['times_faster']).toBeGreaterThan(0);
    expect(rows.at(-1)?.['read_times_faster']).toBeGreaterThan(0);
  });

  test('processes says which engine ran how many of the steps', async () => {
    const { rows } =
      await quickBench<Rows<Figures & { readonly steps_by_process: readonly number[] }>>('processes');
    expect(
      rows.map(({ processes, times_one }) => [processes, times_one !== undefined && times_one > 0]),
    ).toEqual([
      [1, true],
      [2, true],
    ]);
    for (const { steps, steps_by_process } of rows) {
      expect(steps_by_process.reduce((sum, ran) => sum + ran, 0)).toBe(steps);
    }
  });

  test('waiting compares a database in which tasks wait with one in which none does', async () => {
    const document = await quickBench<Figures>('waiting');
    expect(document).toMatchObject({
      waiting_tasks: 200,
      waiting_steps: 1400,
      waiting_for: { tomorrow: 80, retry: 60, handler: 60 },
    });
    expect(document['ratio']).toBeGreaterThan(0);
  });

  test('inflight finds all handlers waiting at once, and all of them recorded', async () => {
    const { rows } = await quickBench<Rows<Figures>>('inflight');
    expect(rows).toEqual([
      expect.objectContaining({ shape: 'one step', tasks: 400, steps_in_flight: 400 }),
      expect.objectContaining({ shape: 'wide 100', tasks: 4, steps_in_flight: 400 }),
    ]);
    for (const row of rows) expect(row['completed_per_second']).toBeGreaterThan(0);
  });

  test('payloads counts the bytes on the wire for each step that reads a large result', async () => {
    const { rows } = await quickBench<Rows<Figures>>('payloads');
    expect(rows).toEqual([
      expect.objectContaining({ shape: 'linear 7', result_bytes: 1000, readers: 18 }),
      expect.objectContaining({ shape: '1 to 5, elsewhere', result_bytes: 5_000_000, readers: 5 }),
    ]);
    for (const row of rows) expect(row['received_bytes_per_reader']).toBeGreaterThan(0);
  });

  test('soak removes all that it made, and shows how the tables grew', async () => {
    const document = await quickBench<
      Figures & { readonly parts: readonly Figures[]; readonly tables: readonly Figures[] }
    >('soak', '--steps', '1400');
    expect(document).toMatchObject({ steps: 1400, pruned_tasks: 240 });
    expect(document.parts.map(({ steps }) => steps)).toEqual([
      140, 280, 420, 560, 700, 840, 980, 1120, 1260, 1400,
    ]);
    expect(document.tables).toContainEqual(
      expect.objectContaining({ table: 'public.tasker_workflow_steps' }),
    );
  });
});
