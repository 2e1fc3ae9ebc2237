// Small templates to start from, the error of something that throws, and random graphs.
import fc from 'fast-check';
import { TreadleError } from '../../../core/errors.ts';
import type { DagNode } from '../../../core/template/dag.ts';
import type { Problem } from '../../../core/template/problems.ts';

/** A step as written in a template. */
export function stepOf(name: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { name, handler_class: 'Work', ...more };
}

/** A template as written, with two steps unless told otherwise. */
export function templateOf(more: Record<string, unknown> = {}): Record<string, unknown> {
  const steps = [stepOf('reserve'), stepOf('ship', { depends_on_step: 'reserve' })];
  return { name: 'order', step_templates: steps, ...more };
}

/** The TreadleError that the call throws. */
export function errorOf(call: () => unknown): TreadleError {
  try {
    call();
  } catch (error) {
    if (error instanceof TreadleError) return error;
    throw error;
  }
  throw new Error('expected a TreadleError, nothing was thrown');
}

/** The paths of all problems in the error that the call throws. */
export function problemPaths(call: () => unknown): string[] {
  return problemsOf(errorOf(call)).map(({ path }) => path);
}

export function problemsOf(error: TreadleError): readonly Problem[] {
  return error.details['problems'] as readonly Problem[];
}

/** Graphs of up to ten steps with any edges: cycles, loops and repeated edges included. */
export const anyGraph: fc.Arbitrary<DagNode[]> = fc.integer({ min: 1, max: 10 }).chain((size) => {
  const parent = fc.integer({ min: 0, max: size - 1 }).map((index) => `s${index}`);
  return fc
    .array(fc.array(parent, { maxLength: 3 }), { minLength: size, maxLength: size })
    .map((parents) => parents.map((depends_on_steps, index) => ({ name: `s${index}`, depends_on_steps })));
});

/** Graphs without cycles, declared in any order. */
export const acyclicGraph: fc.Arbitrary<DagNode[]> = anyGraph.chain((nodes) => {
  const earlier = (name: string, index: number): boolean => Number(name.slice(1)) < index;
  const acyclic = nodes.map((node, index) => ({
    ...node,
    depends_on_steps: node.depends_on_steps.filter((name) => earlier(name, index)),
  }));
  return fc.shuffledSubarray(acyclic, { minLength: acyclic.length });
});
