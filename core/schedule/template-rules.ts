// What must hold for the schedules of a template beyond their fields: names that tell them apart, and contexts that the
// schema of the template accepts. Reads unchecked JSON, as core/template/rules.ts does.
import type { Json, JsonObject } from '../json.ts';
import { compileSchema } from '../template/json-schema.ts';
import { isJsonObject, under } from '../template/json-value.ts';
import type { Finding, Path } from '../template/problems.ts';

/** `schedule` holds one or a list of them. */
export function listOf<Schedule>(schedule: Schedule | readonly Schedule[] | undefined): readonly Schedule[] {
  if (schedule === undefined) return [];
  return isList(schedule) ? schedule : [schedule];
}

/** All broken rules. Parts of the wrong type are passed over: the zod schema reports those. */
export function brokenScheduleRules(template: JsonObject): Finding[] {
  const schedules = placed(template['schedule']);
  return [...nameProblems(schedules), ...contextProblems(template['schema'], schedules)];
}

interface Placed {
  readonly at: Path;
  readonly schedule: JsonObject;
}

function placed(written: Json | undefined): Placed[] {
  const isOne = !Array.isArray(written);
  return listOf(written).flatMap((schedule, index) =>
    isJsonObject(schedule) ? [{ at: isOne ? ['schedule'] : ['schedule', index], schedule }] : [],
  );
}

function nameProblems(schedules: readonly Placed[]): Finding[] {
  const taken = new Set<Json | undefined>();
  return schedules.flatMap(({ at, schedule: { name } }) => {
    const again = taken.has(name);
    taken.add(name);
    if (!again) return [];
    const received = name === undefined ? 'none for a second time' : `${JSON.stringify(name)} again`;
    return [{ at: [...at, 'name'], expected: 'a name of its own', received }];
  });
}

function contextProblems(schema: Json | undefined, schedules: readonly Placed[]): Finding[] {
  const compiled = isJsonObject(schema) && schedules.length > 0 ? compileSchema(schema) : undefined;
  return schedules.flatMap(({ at, schedule: { context } }) => {
    if (!isJsonObject(context)) return [];
    const place = [...at, 'context'];
    if (Object.keys(context).length === 0)
      return [{ at: place, expected: 'an object with at least one key', received: 'an empty object' }];
    return compiled && 'validate' in compiled ? under(place, compiled.validate(context)) : [];
  });
}

function isList<Item>(value: Item | readonly Item[]): value is readonly Item[] {
  return Array.isArray(value);
}
