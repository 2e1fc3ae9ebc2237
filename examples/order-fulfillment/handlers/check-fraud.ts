// Stops orders that a person should look at. The limits come from the template (handler_config), checked by `config`.
import { z } from 'zod';
import { PermanentError, StepHandler, type StepContext } from '../../../index.ts';
import type { Order, PricedOrder } from '../order.ts';

const Config = z.strictObject({
  review_above_cents: z.int().positive(),
  blocked_domains: z.array(z.string()).default([]),
});

interface Types {
  config: z.infer<typeof Config>;
  context: Order;
  needs: { validate_order: PricedOrder };
  output: { score: number };
}

export class CheckFraud extends StepHandler<Types> {
  static override readonly config = Config;

  process({ task, sequence, config }: StepContext<Types>): { score: number } {
    const domain = task.context.customer.email.split('@').at(-1) ?? '';
    if (config.blocked_domains.includes(domain)) {
      throw new PermanentError(`mail addresses of ${domain} are blocked`, { errorCode: 'FRAUD_SUSPECTED' });
    }
    const { total_cents } = sequence.result('validate_order');
    if (total_cents > config.review_above_cents) {
      throw new PermanentError(`${total_cents} cents are more than a robot may let pass`, {
        errorCode: 'NEEDS_REVIEW',
      });
    }
    return { score: total_cents / config.review_above_cents };
  }
}
