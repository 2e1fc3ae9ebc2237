// One task as `treadle status` shows it: a head, the tree of its steps, and in words why each unfinished one is where it is.
// Of a task with very many steps, a summary by level and the steps that are not done.
import { stripVTControlCharacters } from 'node:util';
import { levels } from '../core/template/dag.ts';
import { END_STATES } from '../core/vocabulary.ts';
import type { StepReport, TaskReport, Verdict } from '../sql/reports.ts';
import { durationText, instantText } from './duration.ts';
import { stateText, stepSign } from './state-signs.ts';
import { treeLines, type TreeLine } from './step-tree.ts';
import type { Terminal } from './terminal.ts';

export interface TaskStatus {
  readonly task: TaskReport;
  readonly steps: readonly StepReport[];
  readonly explanations: ReadonlyMap<number, string>;
}

/** More steps than this are summarised unless all are asked for. */
export const MOST_IN_TREE = 100;
/** Unfinished steps that a summary names. */
export const MOST_UNDONE = 50;
const MOST_PARENTS = 3;
const WIDEST_NAME = 56;

/** What is most worth a look comes first. */
const URGENCY: readonly Verdict[] = [
  'failed',
  'stuck',
  'running',
  'waiting',
  'ready',
  'cancelled',
  'blocked',
  'done',
];

export function statusLines(terminal: Terminal, status: TaskStatus, all: boolean): string[] {
  const { steps } = status;
  const body = all || steps.length <= MOST_IN_TREE ? treeOf(terminal, status) : summaryOf(terminal, status);
  return [...headOf(terminal, status), '', ...body].map((line) => fitted(terminal, line));
}

/** The steps whose explanation is shown: what is complete explains itself. */
export function stepsToExplain(steps: readonly StepReport[], all: boolean): StepReport[] {
  const open = steps.filter(({ state }) => state !== 'complete');
  return all || steps.length <= MOST_IN_TREE ? open : urgent(open);
}

function urgent(steps: readonly StepReport[]): StepReport[] {
  return steps
    .filter(({ verdict }) => verdict !== 'done')
    .toSorted((left, right) => URGENCY.indexOf(left.verdict) - URGENCY.indexOf(right.verdict))
    .slice(0, MOST_UNDONE);
}

function headOf({ colors }: Terminal, { task, steps }: TaskStatus): string[] {
  const age = durationText(task.reported_at.getTime() - task.created_at.getTime());
  const by = [
    ['by', task.initiator],
    ['from', task.source_system],
    ['reason', task.reason],
  ].flatMap(([word, text]) => (text && text !== 'unknown' ? [`${word} ${text}`] : []));
  const lines = [
    `task ${colors.bold(String(task.task_id))}  ${colors.bold(`${task.namespace_name}/${task.name}@${task.version}`)}  ` +
      `${stateText(colors, task.state)} ${colors.dim(sinceText(task))}`,
    `  created  ${instantText(task.created_at)} (${age} ago)${by.length > 0 ? `, ${by.join(', ')}` : ''}`,
    `  context  ${JSON.stringify(task.context)}`,
    `  steps    ${countsOf(steps)}`,
  ];
  if (Array.isArray(task.tags) && task.tags.length > 0)
    lines.push(
      `  tags     ${task.tags.map((tag) => (typeof tag === 'string' ? tag : JSON.stringify(tag))).join(', ')}`,
    );
  if (task.deadline_at) lines.push(`  deadline ${deadlineText(task.deadline_at, task.reported_at)}`);
  const { reason, deadline_at } = task.state_metadata;
  if (task.state === 'error' && reason === 'deadline_exceeded' && typeof deadline_at === 'string') {
    lines.push(`  deadline passed at ${instantText(new Date(deadline_at))}`);
  }
  if (task.wakes_at) lines.push(`  wakes    ${instantText(task.wakes_at)}, when a live engine takes it`);
  return lines;
}

function deadlineText(deadline: Date, now: Date): string {
  const left = deadline.getTime() - now.getTime();
  return `${instantText(deadline)} (${left < 0 ? 'passed' : `in ${durationText(left)}`})`;
}

/** How long it has been in a state that passes; when it came to one that stays, and how long that took. */
function sinceText({ state, state_since, created_at, reported_at }: TaskReport): string {
  const since = durationText(reported_at.getTime() - state_since.getTime());
  if (!END_STATES.has(state)) return `for ${since}`;
  return `${since} ago, after ${durationText(state_since.getTime() - created_at.getTime())}`;
}

function countsOf(steps: readonly StepReport[]): string {
  const count = (verdict: Verdict): number => steps.filter((step) => step.verdict === verdict).length;
  const others = URGENCY.filter((verdict) => verdict !== 'done' && count(verdict) > 0);
  return [
    `${count('done')} of ${steps.length} done`,
    ...others.map((verdict) => `${count(verdict)} ${verdict}`),
  ].join(', ');
}

function treeOf(terminal: Terminal, status: TaskStatus): string[] {
  const lines = treeLines(status.steps);
  const names = lines.map((line) => nameOf(terminal, line));
  const width = Math.min(Math.max(0, ...names.map(visibleLength)), WIDEST_NAME);
  return lines.map((line, index) => stepLine(terminal, status, line.node, names[index] ?? '', width));
}

function nameOf({ colors }: Terminal, { prefix, node, joins }: TreeLine<StepReport>): string {
  const more = joins.length > MOST_PARENTS ? ` and ${joins.length - MOST_PARENTS} more` : '';
  const parents = joins.slice(0, MOST_PARENTS).map(({ name }) => name);
  const from = joins.length > 0 ? colors.dim(` <- ${parents.join(', ')}${more}`) : '';
  return `${colors.dim(prefix)}${stepSign(colors, node.state, node.verdict)} ${node.name}${from}`;
}

function stepLine(
  terminal: Terminal,
  status: TaskStatus,
  step: StepReport,
  name: string,
  width: number,
): string {
  const padding = ' '.repeat(Math.max(width - visibleLength(name), 0));
  const tried = step.state === 'in_progress' ? step.attempts + 1 : step.attempts;
  const took = tookText(step, status.task.reported_at);
  const why = status.explanations.get(step.workflow_step_id) ?? '';
  return `${name}${padding}  ${`${tried}/${step.retry_limit}`.padStart(4)}  ${took.padStart(9)}  ${why.replaceAll('\n', ' ')}`.trimEnd();
}

/** How long its last attempt took, or takes so far. */
function tookText({ started_at, ended_at, state }: StepReport, now: Date): string {
  if (!started_at || state === 'pending') return '';
  return durationText((ended_at ?? now).getTime() - started_at.getTime());
}

function summaryOf(terminal: Terminal, status: TaskStatus): string[] {
  const { steps } = status;
  const undone = urgent(steps);
  const open = steps.filter(({ verdict }) => verdict !== 'done').length;
  const lines = stepsByLevel(steps).map(
    ([level, members]) => `level ${String(level).padStart(4)}  ${countsOf(members)}`,
  );
  if (open > 0)
    lines.push(
      '',
      open > undone.length
        ? `${undone.length} of ${open} steps that are not done (--all shows the tree):`
        : 'not done:',
    );
  const names = undone.map((node) => nameOf(terminal, { prefix: '', node, joins: [] }));
  const width = Math.min(Math.max(0, ...names.map(visibleLength)), WIDEST_NAME);
  return [
    ...lines,
    ...undone.map((step, index) => stepLine(terminal, status, step, names[index] ?? '', width)),
  ];
}

/** By the longest way from a root. A cycle, which only a foreign writer can make, has no levels. */
function stepsByLevel(steps: readonly StepReport[]): [number, StepReport[]][] {
  const nodes = steps.map(({ workflow_step_id, parent_ids }) => ({
    name: String(workflow_step_id),
    depends_on_steps: parent_ids.map(String),
  }));
  const levelOf = levels(nodes);
  const byLevel = new Map<number, StepReport[]>();
  for (const step of steps) {
    const level = levelOf.get(String(step.workflow_step_id)) ?? 0;
    const members = byLevel.get(level);
    if (members) members.push(step);
    else byLevel.set(level, [step]);
  }
  return [...byLevel].toSorted(([left], [right]) => left - right);
}

function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** On a terminal a line stays a line. Colours stand before the end of a line only, so cutting the plain text is safe. */
function fitted({ isInteractive, width }: Terminal, line: string): string {
  if (!isInteractive || visibleLength(line) <= width) return line;
  let seen = 0;
  // oxlint-disable-next-line no-control-regex -- colours take no room
  return line.replace(/\u001B\[[\d;]*m|[\s\S]/gu, (part) => {
    if (part.startsWith('\u001B')) return part;
    seen += 1;
    return seen < width ? part : seen === width ? '…' : '';
  });
}
