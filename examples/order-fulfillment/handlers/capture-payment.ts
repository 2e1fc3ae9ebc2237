// Takes the money that authorize_payment has had held.
import { StepHandler, type StepContext } from '../../../index.ts';
import { referenceOf, type Authorization, type Charge, type Order } from '../order.ts';
import { services } from '../services.ts';

interface Types {
  context: Order;
  needs: { authorize_payment: Authorization };
  output: Charge;
}

export class CapturePayment extends StepHandler<Types> {
  process({ task, sequence, signal }: StepContext<Types>): Promise<Charge> {
    const { authorization_id } = sequence.result('authorize_payment');
    const idempotencyKey = `capture/${referenceOf(task.context)}`;
    return services().payments.capture({ authorization_id, idempotencyKey, signal });
  }
}
