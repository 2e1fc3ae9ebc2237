// What must hold between the parts of a template and no single field can say: names are unique and known, no cycles,
// a schema that is one. Reads unchecked JSON, so that one error can name these problems together with the simple ones.
import type { Json, JsonObject } from '../json.ts';
import { brokenScheduleRules } from '../schedule/template-rules.ts';
import { cycleText, findCycle } from './dag.ts';
import { compileSchema } from './json-schema.ts';
import { isJsonObject, under } from './json-value.ts';
import type { Finding, Path } from './problems.ts';
import { MOST_LISTED, oneOf } from './problems.ts';

interface NamedStep {
  readonly at: Path;
  readonly name: string;
  readonly dependencies: readonly { readonly at: Path; readonly name: string }[];
}

/** All broken rules. Parts of the wrong type are passed over: the zod schema reports those. */
export function brokenRules(template: JsonObject): Finding[] {
  const steps = namedSteps(template['step_templates']);
  return [
    ...duplicateNames(steps),
    ...unknownDependencies(steps),
    ...cycles(steps),
    ...severalRuntimes(template['step_templates']),
    ...namesOutside(template['named_steps'], steps),
    ...schemaProblems(template['schema']),
    ...brokenScheduleRules(template),
  ];
}

/** The parents a step names in either key, each once, in the order written. */
export function dependenciesOf(step: JsonObject): string[] {
  return [...new Set(dependencies(step, []).map(({ name }) => name))];
}

function dependencies(step: JsonObject, at: Path): NamedStep['dependencies'] {
  const one = step['depends_on_step'];
  const many = step['depends_on_steps'];
  const written: { at: Path; name: Json | undefined }[] = [
    { at: [...at, 'depends_on_step'], name: one },
    ...(Array.isArray(many) ? many : []).map((name, index) => ({
      at: [...at, 'depends_on_steps', index],
      name,
    })),
  ];
  return written.flatMap((entry) =>
    typeof entry.name === 'string' ? [{ at: entry.at, name: entry.name }] : [],
  );
}

function namedSteps(steps: Json | undefined): NamedStep[] {
  return (Array.isArray(steps) ? steps : []).flatMap((step, index) => {
    const at = ['step_templates', index];
    if (!isJsonObject(step) || typeof step['name'] !== 'string') return [];
    return [{ at, name: step['name'], dependencies: dependencies(step, at) }];
  });
}

function duplicateNames(steps: readonly NamedStep[]): Finding[] {
  const first = new Map<string, NamedStep>();
  return steps.flatMap((step) => {
    const earlier = first.get(step.name);
    if (!earlier) first.set(step.name, step);
    const received = `${JSON.stringify(step.name)} a second time (also step_templates[${earlier?.at[1]}])`;
    return earlier ? [{ at: [...step.at, 'name'], expected: 'a name of its own', received }] : [];
  });
}

function unknownDependencies(steps: readonly NamedStep[]): Finding[] {
  const names = new Set(steps.map(({ name }) => name));
  const unknown = steps.flatMap((step) => step.dependencies.filter(({ name }) => !names.has(name)));
  // A suggestion looks at every name, so only those that the message lists get one.
  return unknown.map(({ at, name }, index) => ({
    at,
    expected:
      index < MOST_LISTED ? oneOf('the name of a step of this task', name, [...names]) : 'a known step',
    received: JSON.stringify(name),
  }));
}

function cycles(steps: readonly NamedStep[]): Finding[] {
  const unique = new Map(steps.toReversed().map((step) => [step.name, step]));
  const nodes = steps
    .filter((step) => unique.get(step.name) === step)
    .map((step) => ({ name: step.name, depends_on_steps: step.dependencies.map(({ name }) => name) }));
  const cycle = findCycle(nodes);
  const step = unique.get(cycle?.[0] ?? '');
  if (!cycle || !step) return [];
  const parent = step.dependencies.find(({ name }) => name === cycle.at(-1));
  return [{ at: parent?.at ?? step.at, expected: 'steps without a cycle', received: cycleText(cycle) }];
}

/** The runtime is the handler's: steps that name the same one cannot send it to two places. */
function severalRuntimes(steps: Json | undefined): Finding[] {
  const first = new Map<string, { readonly runtime: string; readonly step: string }>();
  return (Array.isArray(steps) ? steps : []).flatMap((step, index) => {
    if (!isJsonObject(step)) return [];
    const { name, handler_class: handler, runtime } = step;
    if (typeof name !== 'string' || typeof handler !== 'string' || typeof runtime !== 'string') return [];
    const earlier = first.get(handler);
    if (!earlier) first.set(handler, { runtime, step: name });
    if (!earlier || earlier.runtime === runtime) return [];
    const expected = `one runtime for the handler ${handler} (${earlier.runtime} in step ${earlier.step})`;
    return [{ at: ['step_templates', index, 'runtime'], expected, received: JSON.stringify(runtime) }];
  });
}

/** `named_steps`, when given, lists every name that may occur; unknown dependencies are reported as such. */
function namesOutside(named: Json | undefined, steps: readonly NamedStep[]): Finding[] {
  if (!Array.isArray(named)) return [];
  const listed = new Set(named.filter((name) => typeof name === 'string'));
  return steps
    .filter(({ name }) => !listed.has(name))
    .map(({ at, name }, index) => ({
      at: [...at, 'name'],
      expected:
        index < MOST_LISTED ? oneOf('a name listed in named_steps', name, [...listed]) : 'a listed name',
      received: JSON.stringify(name),
    }));
}

function schemaProblems(schema: Json | undefined): Finding[] {
  if (!isJsonObject(schema)) return [];
  const compiled = compileSchema(schema);
  return 'findings' in compiled ? under(['schema'], compiled.findings) : [];
}
