// What `treadle tune functions` says: which of the view and functions would be replaced and which stay, how long each took before and
// takes now, and what has been done.
import type { JudgedObject } from '../sql/function-tuning/definitions.ts';
import { areKept, type KeptCounts } from '../sql/function-tuning/kept-counts.ts';
import { PATIENCE_MS, type Sample } from '../sql/function-tuning/samples.ts';
import type { FunctionPlan, Progress, RestorePlan } from '../sql/function-tuning/tuning.ts';
import { durationText, instantText } from './duration.ts';
import { plainTable } from './plain-table.ts';
import type { Terminal } from './terminal.ts';

/** How long the question took, by the name of the object. */
export type Samples = Readonly<Record<string, Sample>>;

export interface FunctionChange {
  readonly verb: 'replaced' | 'restored';
  readonly steps: readonly Progress[];
  readonly before: Samples;
  readonly after: Samples;
}

export function showFunctionPlan(
  terminal: Terminal,
  { level, objects, counts }: FunctionPlan,
  now: Samples,
): void {
  terminal.printJson({ dry_run: true, level, objects: objects.map((object) => judged(object, now)), counts });
  if (terminal.json) return;
  const table = plainTable(terminal, ['in public', 'what is there', 'takes now', 'with --yes']);
  for (const object of objects) {
    const taken = sampleText(now[object.object_name]);
    table.push([object.object_name, thereText(object), taken, THEN[object.verdict]]);
  }
  table.push(['', countsText(counts), '', areKept(counts) ? 'stays' : 'kept from then on']);
  terminal.print(table.toString());
  showLeft(terminal, objects);
  terminal.print(
    objects.some(({ verdict }) => verdict === 'replace') || !areKept(counts)
      ? 'nothing was changed; the same with --yes replaces them, and --restore brings them back'
      : 'nothing to replace',
  );
}

const THEN: Readonly<Record<JudgedObject['verdict'], string>> = {
  replace: "Treadle's",
  ours: 'stays',
  left: 'stays',
};

function thereText({ verdict }: JudgedObject): string {
  if (verdict === 'left') return 'another (see below)';
  return verdict === 'ours' ? "Treadle's" : 'of the app';
}

function countsText({ triggers, of, counted_at }: KeptCounts): string {
  if (triggers === 0) return 'counts of states are not kept';
  if (triggers < of) return `counts of states: ${triggers} of ${of} triggers`;
  return counted_at === null ? 'counts of states: never counted' : 'counts of states are kept';
}

function showLeft(terminal: Terminal, objects: readonly JudgedObject[]): void {
  for (const object of objects) {
    if (object.verdict === 'left') terminal.print(`stays: ${object.object_name}, ${object.why}`);
  }
}

/** `1.3 ms`, `4.4 s`: a millisecond matters here. */
function sampleText(sample: Sample | undefined): string {
  if (sample === undefined) return '';
  if (sample.error !== null) return 'fails';
  if (sample.ms === null) return `over ${durationText(PATIENCE_MS)}`;
  return sample.ms < 10 ? `${sample.ms} ms` : durationText(sample.ms);
}

const judged = (object: JudgedObject, now: Samples): object => ({
  object_name: object.object_name,
  verdict: object.verdict,
  why: object.verdict === 'left' ? object.why : null,
  ms: now[object.object_name]?.ms ?? null,
  error: now[object.object_name]?.error ?? null,
});

export function showKept(terminal: Terminal, { objects, counts }: RestorePlan): void {
  const shown = objects.map(({ object_name, kind, owner, definition, replaced_at }) => ({
    object_name,
    kind,
    owner,
    definition,
    replaced_at,
  }));
  terminal.printJson({ dry_run: true, restore: shown, counts });
  if (terminal.json) return;
  const table = plainTable(terminal, ['in public', 'owner', 'replaced']);
  for (const { object_name, owner, replaced_at } of objects) {
    table.push([object_name, owner, instantText(replaced_at)]);
  }
  if (objects.length > 0) terminal.print(table.toString());
  if (counts.triggers > 0) terminal.print(`${counts.triggers} triggers that count states would go`);
  terminal.print(
    objects.length > 0 || counts.triggers > 0
      ? 'nothing was changed; without --dry-run they come back'
      : 'nothing to restore',
  );
}

export function showFunctionChanges(
  terminal: Terminal,
  { verb, steps, before, after }: FunctionChange,
): void {
  const [done, left] = [namesOf(steps, 'done'), namesOf(steps, 'changed')];
  const locks = steps.flatMap((step) => (step.what === 'triggers' ? [step.locks_ms] : []));
  const interrupted = steps.some(({ what }) => what === 'interrupted');
  const counted = steps.some(({ what }) => what === 'counted');
  terminal.printJson({
    [verb]: done.map((name) => changed(name, before, after)),
    left,
    counted,
    tables_locked: locks.length,
    locks_ms: Math.max(0, ...locks),
    interrupted,
  });
  if (terminal.json) return;
  if (verb === 'replaced' && done.length > 0) terminal.print(timesTable(terminal, done, before, after));
  terminal.print(summary(verb, done.length, locks.length, counted));
  for (const name of left) terminal.note(`left alone: ${name} is not as it was any more; look at it`);
  if (interrupted) terminal.note('interrupted; run it again to go on');
}

function summary(verb: FunctionChange['verb'], done: number, tables: number, counted: boolean): string {
  if (done === 0 && tables === 0 && !counted)
    return verb === 'replaced' ? 'nothing to replace' : 'nothing to restore';
  const objects = `${verb} ${done} definition${done === 1 ? '' : 's'}`;
  if (verb === 'restored')
    return tables > 0 ? `${objects}; the triggers that count states are gone` : objects;
  const counts = counted ? '; counts of states are kept' : '';
  return `${objects}${counts}${done > 0 || counted ? '; "treadle tune functions --restore" brings back what was there' : ''}`;
}

function timesTable(terminal: Terminal, names: readonly string[], before: Samples, after: Samples): string {
  const table = plainTable(terminal, ['in public', 'took', 'takes now']);
  for (const name of names) table.push([name, sampleText(before[name]), sampleText(after[name])]);
  return table.toString();
}

const changed = (object_name: string, before: Samples, after: Samples): object => ({
  object_name,
  before_ms: before[object_name]?.ms ?? null,
  after_ms: after[object_name]?.ms ?? null,
});

/** Those that it was done to, or that were left alone. */
export function namesOf(steps: readonly Progress[], wanted: 'done' | 'changed'): string[] {
  return steps.flatMap((step) =>
    step.what === 'object' && step.outcome === wanted ? [step.object_name] : [],
  );
}
