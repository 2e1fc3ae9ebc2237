// The templates this process has loaded: registered in Postgres, with their context schemas compiled once.
import { TreadleError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { DEFAULT_BACKOFF } from '../core/retry.ts';
import { compileContextSchema, type ContextValidator } from '../core/template/context.ts';
import { forEnvironment } from '../core/template/environments.ts';
import { parseTemplate, type TaskTemplate } from '../core/template/template.ts';
import type { Database, Executor } from '../sql/database.ts';
import { findNamedTask, registerTemplate } from '../sql/tasks.ts';
import { assertOneRuntimeEach } from './runtimes.ts';
import { registerSchedules } from './schedules/template-schedules.ts';

/** A registered template, ready to create tasks from. */
export interface RegisteredTemplate {
  readonly named_task_id: number;
  readonly template: TaskTemplate;
  readonly validateContext: ContextValidator;
}

export interface TemplateName {
  readonly namespace_name: string;
  readonly name: string;
  /** Default: the latest, by number. */
  readonly version?: string | undefined;
}

export class Templates {
  readonly #database: Database;
  readonly #environment: string;
  readonly #loaded = new Map<number, RegisteredTemplate>();

  constructor(database: Database, environment: string) {
    this.#database = database;
    this.#environment = environment;
  }

  /** Every template this process has registered or looked up. */
  list(): RegisteredTemplate[] {
    return [...this.#loaded.values()];
  }

  /** All of them or none: the first bad one throws before anything is written. */
  async register(templates: readonly TaskTemplate[]): Promise<RegisteredTemplate[]> {
    const effective = templates.map((template) => ({
      template,
      applied: forEnvironment(template, this.#environment),
    }));
    return this.#database.transaction(async (tx) => {
      const registered: RegisteredTemplate[] = [];
      for (const { template, applied } of effective) {
        const named_task_id = await registerTemplate(tx, withBackoff(applied), template);
        await registerSchedules(tx, named_task_id, applied);
        registered.push(this.#remember(named_task_id, applied));
      }
      await assertOneRuntimeEach(tx, new Set(effective.flatMap(({ applied }) => sentSomewhere(applied))));
      return registered;
    });
  }

  /** A template by name: loaded here, or registered in Postgres by somebody else. */
  async find(name: TemplateName, db: Executor = this.#database): Promise<RegisteredTemplate> {
    const found = await findNamedTask(db, name.namespace_name, name.name, name.version);
    const loaded = this.#loaded.get(found.named_task_id);
    if (loaded) return loaded;
    const source = `${name.namespace_name}/${name.name}@${found.version} in the database`;
    return this.#remember(found.named_task_id, this.#parse(found.configuration, source));
  }

  #parse(configuration: JsonObject, source: string): TaskTemplate {
    try {
      return forEnvironment(parseTemplate(configuration, source), this.#environment);
    } catch (error) {
      throw new TreadleError('unknown_template', `${source} cannot be read any more`, { cause: error });
    }
  }

  #remember(named_task_id: number, template: TaskTemplate): RegisteredTemplate {
    const registered = { named_task_id, template, validateContext: compileContextSchema(template) };
    this.#loaded.set(named_task_id, registered);
    return registered;
  }
}

/** Handlers whose runtime the template names. */
function sentSomewhere({ step_templates }: TaskTemplate): string[] {
  return step_templates.flatMap((step) => (step.runtime === undefined ? [] : step.handler_class));
}

function withBackoff(template: TaskTemplate): object {
  return {
    ...template,
    step_templates: template.step_templates.map((step) => ({
      ...step,
      backoff: step.backoff ?? DEFAULT_BACKOFF,
    })),
  };
}
