// How an environment changes a template, on plain JSON: objects merge deeply, lists are replaced, and the entries of
// `step_templates` merge into the steps of the same name, which keep their places (fact sheet 5.3).
import type { Json, JsonObject } from '../json.ts';
import { isJsonObject } from './json-value.ts';

/** The template of one environment, without its `environments`. Steps that the base does not have are left out. */
export function mergeEnvironment(base: JsonObject, overlay: JsonObject): JsonObject {
  const { environments: _environments, step_templates: baseSteps, ...baseRest } = base;
  const { step_templates: overlaySteps, ...overlayRest } = overlay;
  const merged = mergeObjects(baseRest, overlayRest);
  if (baseSteps === undefined) return merged;
  return { ...merged, step_templates: mergeSteps(baseSteps, overlaySteps) };
}

function mergeSteps(base: Json, overlay: Json | undefined): Json {
  if (!Array.isArray(base) || !Array.isArray(overlay)) return base;
  const changes = new Map(overlay.filter(isJsonObject).map((step) => [step['name'], step]));
  return base.map((step) => {
    const change = isJsonObject(step) ? changes.get(step['name']) : undefined;
    return isJsonObject(step) && change ? mergeObjects(step, change) : step;
  });
}

function mergeObjects(base: JsonObject, overlay: JsonObject): JsonObject {
  const merged = { ...base };
  for (const [key, value] of Object.entries(overlay)) {
    const before = Object.hasOwn(base, key) ? base[key] : undefined;
    merged[key] = isJsonObject(before) && isJsonObject(value) ? mergeObjects(before, value) : value;
  }
  return merged;
}
