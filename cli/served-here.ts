// Which handlers of a project's templates a process serves, by where the templates say that they run.
import { forEnvironment } from '../core/template/environments.ts';
import type { Runtime } from '../core/vocabulary.ts';
import type { Project } from './engine-options.ts';

/** What a process serves in each of its runtimes. */
export type Offers = Readonly<Partial<Record<Runtime, readonly string[]>>>;

/** A handler that templates name, and where they say that it runs. */
export interface NamedHandler {
  readonly handler: string;
  readonly runtime: Runtime | undefined;
}

/** Those that the process does not serve, in the order of the templates. */
export function unservedHere(project: Project, environment: string, offers: Offers): NamedHandler[] {
  const everywhere = Object.values(offers).flat();
  return namedHandlers(project, environment).filter(({ handler, runtime }) => {
    const serving = runtime === undefined ? everywhere : (offers[runtime] ?? []);
    return !serving.includes(handler);
  });
}

function namedHandlers({ templates }: Project, environment: string): NamedHandler[] {
  const named = new Map<string, Runtime | undefined>();
  for (const template of templates) {
    for (const { handler_class: handler, runtime } of forEnvironment(template, environment).step_templates) {
      named.set(handler, runtime ?? named.get(handler));
    }
  }
  return [...named].map(([handler, runtime]) => ({ handler, runtime }));
}

/** For people: `Ship (native-python)`. */
export function handlerText({ handler, runtime }: NamedHandler): string {
  return runtime === undefined ? handler : `${handler} (${runtime})`;
}

/** Those that no module has in a runtime inside of this process. */
export function missingNatives(unserved: readonly NamedHandler[]): NamedHandler[] {
  return unserved.filter(({ runtime }) => runtime?.startsWith('native-') === true);
}
