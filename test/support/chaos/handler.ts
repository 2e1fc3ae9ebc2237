// The one handler of the chaos run: it does what the plan of its task says, and keeps a journal of it.
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { PermanentError } from '../../../core/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { StepHandlerClass } from '../../../handlers/registry.ts';
import type { StepContext } from '../../../handlers/step-context.ts';
import { StepHandler } from '../../../handlers/step-handler.ts';
import type { End, Journal } from './journal.ts';
import { TIMEOUT_SECONDS, type ChaosContext, type StepPlan } from './workload.ts';

interface Types {
  context: ChaosContext & JsonObject;
  output: { execution: string };
}

export function chaosHandler(journal: Journal): StepHandlerClass {
  return class Chaos extends StepHandler<Types> {
    override async process(context: StepContext<Types>): Promise<Types['output']> {
      const execution = begin(journal, context);
      let answer: End['answer'] = 'error';
      const end = (said: End['answer']): void => {
        answer = said;
        journal.write({ event: 'end', execution, answer: said, at: Date.now() });
      };
      try {
        const plan = planOf(context);
        await carryOut(context, plan);
        if (plan.behaviour === 'table') return await writeEffect(context, execution, end);
        end('complete');
        return { execution };
      } catch (error) {
        if (answer === 'error') end('error'); // else it is for Postgres to say whether the transaction counts
        throw error;
      }
    }
  };
}

/** Commits a row together with the step. Half a moment before the end, so that there is something to interrupt. */
function writeEffect(
  { step, transaction }: StepContext<Types>,
  execution: string,
  end: (answer: End['answer']) => void,
): Promise<Types['output']> {
  return transaction(async (tx) => {
    await tx.query('insert into public.chaos_effects (workflow_step_id, execution) values ($1, $2)', [
      step.workflow_step_id,
      execution,
    ]);
    await pause(10);
    end('complete');
    return { execution };
  });
}

function begin(journal: Journal, { task, step, sequence }: StepContext<Types>): string {
  const execution = randomUUID();
  const results = sequence.names().map((name) => [name, executionIn(sequence.result(name))]);
  journal.write({
    event: 'begin',
    execution,
    task_id: task.task_id,
    workflow_step_id: step.workflow_step_id,
    attempt: step.attempt,
    parents: Object.fromEntries(results) as Record<string, string | null>,
    pid: process.pid,
    at: Date.now(),
  });
  return execution;
}

function executionIn(results: unknown): string | null {
  const found = (results as { execution?: unknown } | null)?.execution;
  return typeof found === 'string' ? found : null;
}

function planOf({ task, step }: StepContext<Types>): StepPlan {
  const plan = task.context.plan[step.name];
  if (!plan) throw new PermanentError(`there is no plan for ${step.name}`);
  return plan;
}

async function carryOut({ step, signal }: StepContext<Types>, plan: StepPlan): Promise<void> {
  const { behaviour, ms, fails } = plan;
  if (behaviour === 'deaf' && step.attempt === 1) await pause(TIMEOUT_SECONDS * 1500);
  else await pause(ms, undefined, { signal });
  if (behaviour === 'fatal') throw new PermanentError('it can never work');
  if (behaviour === 'hopeless' || step.attempt <= fails) throw new Error('not this time');
}
