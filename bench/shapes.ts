// The workflows that are measured: no-op steps in shapes that stress different parts of the engine.
import { parseTemplate, type TaskTemplate } from '../core/template/template.ts';
import { StepHandler } from '../handlers/step-handler.ts';

const NAMESPACE = 'bench';
const LAYERS = 100;
const LAYER_WIDTH = 100;
const MANY = 10_000;
const LEVELS = 500;

/** Does nothing and says so: what is measured is everything around it. */
export class NoopHandler extends StepHandler {
  async process(): Promise<{ ok: boolean }> {
    return { ok: true };
  }
}

export interface Shape {
  readonly name: string;
  readonly template: TaskTemplate;
  readonly steps: number;
  readonly edges: number;
  /** Tasks in a full run, and in a quick one. */
  readonly tasks: number;
  readonly quickTasks: number;
}

export const LINEAR = shape('linear 7', { tasks: 8000, quickTasks: 20 }, linear(7));
const DIAMOND = shape('diamond', { tasks: 4000, quickTasks: 20 }, diamond());
const WIDE = shape('wide 1,000', { tasks: 10, quickTasks: 1 }, wide(1000));
/** What a process runs before the clock starts: cold code costs four times as much, and four processes have four times as much. */
export const WARM_UP = shape('warm-up', { tasks: 1500, quickTasks: 5 }, linear(7));
/** The small ones; the others are made only when asked for, as they are large. */
export const SMALL_SHAPES = [LINEAR, DIAMOND, WIDE];

/** One step, 9,998 at once, and one that waits for all of those. */
export function wideShape(): Shape {
  return shape('wide 10,000', { tasks: 1, quickTasks: 1 }, wide(MANY));
}

export function largeShapes(): Shape[] {
  return [
    wideShape(),
    // 10,000 steps in 100 layers of 100, each with three parents in the layer above
    shape('layered 10,000', { tasks: 1, quickTasks: 1 }, layered(LAYERS, LAYER_WIDTH)),
    shape('chain 500', { tasks: 20, quickTasks: 1 }, linear(LEVELS)),
  ];
}

export interface Step {
  readonly name: string;
  readonly depends_on_steps: readonly string[];
  readonly handler_class?: string;
}

/** Steps name the handler themselves when it is another than the one that does nothing. */
export function shape(
  name: string,
  tasks: Pick<Shape, 'tasks' | 'quickTasks'>,
  steps: readonly Step[],
): Shape {
  const template = parseTemplate({
    namespace_name: NAMESPACE,
    name: name.replaceAll(/\W+/g, '_'),
    version: '1.0.0',
    step_templates: steps.map((step) => ({ handler_class: 'NoopHandler', ...step })),
  });
  const edges = steps.reduce((sum, { depends_on_steps }) => sum + depends_on_steps.length, 0);
  return { name, template, steps: steps.length, edges, ...tasks };
}

export function linear(length: number): Step[] {
  return Array.from({ length }, (_, place) => ({
    name: `step_${place + 1}`,
    depends_on_steps: place === 0 ? [] : [`step_${place}`],
  }));
}

function diamond(): Step[] {
  return [
    { name: 'top', depends_on_steps: [] },
    { name: 'left', depends_on_steps: ['top'] },
    { name: 'right', depends_on_steps: ['top'] },
    { name: 'bottom', depends_on_steps: ['left', 'right'] },
  ];
}

/** One step, then all but two of them at once, then one that waits for all of those. */
export function wide(size: number): Step[] {
  const middle = Array.from({ length: size - 2 }, (_, place) => `part_${place + 1}`);
  return [
    { name: 'split', depends_on_steps: [] },
    ...middle.map((name) => ({ name, depends_on_steps: ['split'] })),
    { name: 'join', depends_on_steps: middle },
  ];
}

function layered(layers: number, width: number): Step[] {
  const nameOf = (layer: number, place: number): string => `layer_${layer}_${place % width}`;
  return Array.from({ length: layers * width }, (_, index) => {
    const [layer, place] = [Math.floor(index / width), index % width];
    const parents = layer === 0 ? [] : [0, 1, 2].map((offset) => nameOf(layer - 1, place + offset));
    return { name: nameOf(layer, place), depends_on_steps: parents };
  });
}
