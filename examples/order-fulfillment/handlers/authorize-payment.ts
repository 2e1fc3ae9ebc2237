// Asks the provider to hold the money. It may answer 429, 500, late or not at all: the client turns each into the error
// that says what to do (payments/client.ts), the engine does it, and the key makes sure that the money is held once.
import { StepHandler, type StepContext } from '../../../index.ts';
import { referenceOf, type Authorization, type Order, type PricedOrder } from '../order.ts';
import { services } from '../services.ts';

interface Types {
  context: Order;
  needs: { validate_order: PricedOrder };
  output: Authorization;
}

export class AuthorizePayment extends StepHandler<Types> {
  process({ task, sequence, signal }: StepContext<Types>): Promise<Authorization> {
    const reference = referenceOf(task.context);
    return services().payments.authorize({
      reference,
      card: task.context.card,
      amount_cents: sequence.result('validate_order').total_cents,
      idempotencyKey: `authorize/${reference}`, // the same in every attempt
      signal, // aborts when the step's timeout passes
    });
  }
}
