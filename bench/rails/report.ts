// The figures of the benchmark `rails` for people: three tables, a few lines for the README, and the tables of docs/rails.md.
import type { Headline } from '../benchmark.ts';
import { ratioText } from '../measure.ts';
import { markdownTable, table } from '../report.ts';
import type { Times } from './asked.ts';
import type { RailsResult } from './result.ts';

const QUESTION_HEAD = ['asked in SQL', 'Treadle, ms', 'p99', 'Rails, ms', 'times faster'];
const DASHBOARD_HEAD = ['asked by ActiveRecord', 'rows', 'at rest, ms', 'p99', 'under load, ms', 'p99'];
const HEARD_HEAD = ['from the commit in Ruby to', 'at rest, ms', 'p99', 'under load, ms', 'p99'];

export function railsText(result: RailsResult): string {
  const { steps, tasks, unfinished_tasks, runs } = result;
  const of = (count: number): string => count.toLocaleString('en');
  return [
    `rails: ${of(steps)} steps in ${of(tasks)} tasks, ${of(unfinished_tasks)} of them unfinished (medians of ${runs}, of Rails of 3)`,
    table(QUESTION_HEAD, questionRows(result)),
    `Under load: ${loadText(result)}.`,
    table(DASHBOARD_HEAD, dashboardRows(result)),
    table(HEARD_HEAD, heardRows(result)),
  ].join('\n');
}

/** What docs/rails.md shows: the same, in Markdown. */
export function railsMarkdown(result: RailsResult): string {
  return [
    markdownTable(QUESTION_HEAD, questionRows(result)),
    markdownTable(DASHBOARD_HEAD, dashboardRows(result)),
    markdownTable(HEARD_HEAD, heardRows(result)),
    `Under load: ${loadText(result)}.`,
  ].join('\n\n');
}

export function headlines({ steps, questions, health_under_load, heard }: RailsResult): Headline[] {
  const [one, , health] = questions;
  const slowest = heard.map(({ under_load }) => under_load.median_ms);
  if (!one || !health || slowest.length === 0) return [];
  const among = `in ${steps.toLocaleString('en')} steps`;
  return [
    [`a Rails app: one row of its DAG view ${among}`, `${one.ours.median_ms} ms, ${ratio(one.times_faster)}`],
    [
      `a Rails app: its health counts ${among}, at rest and under load`,
      `${health.ours.median_ms} ms, ${health_under_load.median_ms} ms; ${ratio(health.times_faster)}`,
    ],
    [
      'a Rails app: from its commit until Treadle goes on, under load',
      `p50 ${Math.min(...slowest)} to ${Math.max(...slowest)} ms`,
    ],
  ];
}

function ratio(times: number | null): string {
  return times === null ? '' : ratioText(times).replace(/x$/, ' times as fast as in Rails');
}

function loadText({ load, health_under_load }: RailsResult): string {
  const rate = Math.round(load.tasks / load.seconds);
  return (
    `${load.tasks_at_once.toLocaleString('en')} tasks at once in an engine on the same machine, ${rate} of three steps ` +
    `end each second; health counts then ${pair(health_under_load).join(' ms, p99 ')} ms`
  );
}

function pair({ median_ms, p99_ms }: Times): string[] {
  return [String(median_ms), String(p99_ms)];
}

function questionRows({ questions }: RailsResult): string[][] {
  return questions.map(({ what, ours, rails, times_faster }) => [
    what,
    ...pair(ours),
    rails === null ? 'always raises' : String(rails.median_ms),
    times_faster === null ? '' : ratioText(times_faster),
  ]);
}

function dashboardRows({ dashboard }: RailsResult): string[][] {
  return dashboard.map(({ what, rows, under_load, ...times }) => [
    what,
    String(rows),
    ...pair(times),
    ...pair(under_load),
  ]);
}

function heardRows({ heard }: RailsResult): string[][] {
  return heard.map(({ what, idle, under_load }) => [what, ...pair(idle), ...pair(under_load)]);
}
