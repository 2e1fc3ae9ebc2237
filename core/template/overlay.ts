// The entries of `environments`: what is wrong with them, and how they are rewritten for a normalised template.
import type { Json, JsonObject } from '../json.ts';
import { mergeEnvironment } from './merge.ts';
import { isJsonObject, under } from './json-value.ts';
import type { Finding, Path } from './problems.ts';
import { describe, oneOf, pathText } from './problems.ts';

/** Problems that an environment brings: in its overlay, and in the merged template where the base does not have them. */
export function environmentFindings(
  base: JsonObject,
  baseFindings: readonly Finding[],
  check: (merged: JsonObject) => readonly Finding[],
): Finding[] {
  const known = new Set(baseFindings.map(fingerprint));
  const environments = base['environments'];
  return Object.entries(isJsonObject(environments) ? environments : {}).flatMap(([name, overlay]) => {
    if (!isJsonObject(overlay)) return [];
    const merged = check(mergeEnvironment(base, overlay)).filter(
      (finding) => !known.has(fingerprint(finding)),
    );
    const own = overlayFindings(base, overlay);
    return under(
      ['environments', name],
      [...own, ...merged.map((finding) => seenFrom(base, overlay, finding))],
    );
  });
}

function fingerprint({ at, expected, received }: Finding): string {
  return JSON.stringify([at, expected, received]);
}

/** What merging would silently leave out: steps that the base does not have, environments within an environment. */
function overlayFindings(base: JsonObject, overlay: JsonObject): Finding[] {
  const findings: Finding[] = [];
  if (overlay['environments'] !== undefined) {
    findings.push({ at: ['environments'], expected: 'no environments inside one', received: 'some' });
  }
  const steps = overlay['step_templates'];
  if (steps === undefined) return findings;
  if (!Array.isArray(steps)) {
    return [...findings, { at: ['step_templates'], expected: 'a list', received: describe(steps) }];
  }
  const names = stepNames(base['step_templates']);
  return [...findings, ...steps.flatMap((step, index) => overlayStepFindings(step, index, names, steps))];
}

function overlayStepFindings(
  step: Json,
  index: number,
  names: readonly string[],
  all: readonly Json[],
): Finding[] {
  const at = ['step_templates', index];
  if (!isJsonObject(step)) return [{ at, expected: 'an object', received: describe(step) }];
  const name = step['name'];
  if (typeof name !== 'string' || !names.includes(name)) {
    const expected = oneOf('the name of a step to change', typeof name === 'string' ? name : '', names);
    return [{ at: [...at, 'name'], expected, received: describe(name) }];
  }
  const twice = all.findIndex((other) => isJsonObject(other) && other['name'] === name) < index;
  return twice
    ? [{ at: [...at, 'name'], expected: 'each step once', received: `${describe(name)} again` }]
    : [];
}

function stepNames(steps: Json | undefined): string[] {
  return (Array.isArray(steps) ? steps : []).flatMap((step) =>
    isJsonObject(step) && typeof step['name'] === 'string' ? [step['name']] : [],
  );
}

/** A finding of the merged template at the place of the overlay that caused it, as far as that can be told. */
function seenFrom(base: JsonObject, overlay: JsonObject, finding: Finding): Finding {
  const at = overlayPath(base, overlay, finding.at);
  return at
    ? { ...finding, at }
    : { ...finding, at: [], expected: `${pathText(finding.at)} to be ${finding.expected}` };
}

function overlayPath(base: JsonObject, overlay: JsonObject, at: Path): Path | undefined {
  const [top, index, ...rest] = at;
  if (top !== 'step_templates' || typeof index !== 'number') {
    return top !== undefined && Object.hasOwn(overlay, top) ? at : undefined;
  }
  const baseSteps = base['step_templates'];
  const changes = overlay['step_templates'];
  const step = Array.isArray(baseSteps) ? baseSteps[index] : undefined;
  if (!isJsonObject(step) || !Array.isArray(changes)) return undefined;
  const found = changes.findIndex((change) => isJsonObject(change) && change['name'] === step['name']);
  return found < 0 ? undefined : [top, found, ...rest];
}

interface Normalised {
  readonly step_templates: readonly {
    readonly name: string;
    readonly dependent_system: string;
    readonly depends_on_steps: readonly string[];
  }[];
}

/**
 * The overlay for a normalised base. Two keys lose their meaning there and are written out: `depends_on_step` (it has
 * gone into `depends_on_steps`) and `default_dependent_system` (every step has a system already).
 */
export function normalisedOverlay(overlay: JsonObject, base: Normalised, merged: Normalised): JsonObject {
  const changes = new Map<string, JsonObject>();
  for (const step of Array.isArray(overlay['step_templates']) ? overlay['step_templates'] : []) {
    if (isJsonObject(step) && typeof step['name'] === 'string') changes.set(step['name'], step);
  }
  const steps = merged.step_templates.flatMap((step, index) => {
    const change = normalisedChange(
      changes.get(step.name),
      step,
      base.step_templates[index]?.dependent_system,
    );
    return change ? [change] : [];
  });
  return steps.length > 0 ? { ...overlay, step_templates: steps } : overlay;
}

function normalisedChange(
  change: JsonObject | undefined,
  merged: Normalised['step_templates'][number],
  systemBefore: string | undefined,
): JsonObject | undefined {
  const { depends_on_step, ...rest } = change ?? { name: merged.name };
  if (depends_on_step !== undefined || rest['depends_on_steps'] !== undefined) {
    rest['depends_on_steps'] = [...merged.depends_on_steps];
  }
  if (merged.dependent_system !== systemBefore) rest['dependent_system'] = merged.dependent_system;
  return change || Object.keys(rest).length > 1 ? rest : undefined;
}
