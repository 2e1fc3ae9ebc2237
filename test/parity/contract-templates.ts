// The template of a case: its step `subject` under the parents that the case names, all run by the contract's handlers. The
// deeds are in handler_config, so that a worker in any language gets them as it gets everything else.
import { parseTemplate, type TaskTemplate } from '../../core/template/template.ts';
import type { TaskRequest } from '../../engine/task-requests.ts';
import type { ContractCase } from './contract-case.ts';

/** Failed attempts are made again at once. */
const backoff = { base_seconds: 0, factor: 1, max_seconds: 0, jitter: 0 };

export function templateOfCase(one: ContractCase): TaskTemplate {
  const parents = Object.entries(one.parents).map(([name, returns]) => ({
    name,
    handler_class: 'ContractHandler',
    handler_config: { does: [{ returns }] },
  }));
  const { retry_limit, timeout_seconds, handler_config } = one.step;
  const subject = {
    name: 'subject',
    handler_class: one.handler,
    depends_on_steps: Object.keys(one.parents),
    default_retry_limit: retry_limit,
    handler_config: { ...handler_config, does: one.does },
    backoff,
    ...(timeout_seconds === undefined ? {} : { timeout_seconds }),
  };
  const step_templates = [...parents, subject];
  return parseTemplate({ namespace_name: 'contract', name: one.name, version: '1.2.3', step_templates });
}

/** The task of a case, as every runner asks for it. */
export function requestOfCase(one: ContractCase): TaskRequest {
  const { name, context } = one;
  return {
    namespace_name: 'contract',
    name,
    context,
    initiator: 'contract',
    source_system: 'parity',
    reason: 'one behaviour',
    tags: ['contract'],
  };
}
