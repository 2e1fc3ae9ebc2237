// The workflow: which step needs which. A step that names a parent not declared above it does not compile, nor does one
// whose parents do not give what its handler needs. Three handlers are those of other teams, in Python and in Ruby
// (workers/teams.ts): what they rely on and what they give is declared here, and held to the same rules.
import { defineTask, namedHandler } from '../../index.ts';
import { CheckFraud } from './handlers/check-fraud.ts';
import { CloseOrder } from './handlers/close-order.ts';
import { CreateInvoice } from './handlers/create-invoice.ts';
import { NotifyCustomer } from './handlers/notify-customer.ts';
import { ReserveInventory } from './handlers/reserve-inventory.ts';
import { UpdateLoyalty } from './handlers/update-loyalty.ts';
import { ValidateOrder } from './handlers/validate-order.ts';
import { Order, type Authorization, type Charge, type PricedOrder, type Shipment } from './order.ts';

const authorizePayment = namedHandler<{
  context: Order;
  needs: { validate_order: PricedOrder };
  output: Authorization;
}>('AuthorizePayment');
const capturePayment = namedHandler<{
  context: Order;
  needs: { authorize_payment: Authorization };
  output: Charge;
}>('CapturePayment');
const shipOrder = namedHandler<{ context: Order; output: Shipment }>('ShipOrder');

/** The provider has bad days: many tries, close together. A wait that it asks for (Retry-After) goes before the backoff. */
const overTheNetwork = {
  dependent_system: 'payment-provider',
  default_retry_limit: 8,
  timeout_seconds: 1.5,
  backoff: { base_seconds: 0.2, factor: 2, max_seconds: 5 },
};

export const orderFulfillment = defineTask({
  namespace_name: 'shop',
  name: 'order_fulfillment',
  version: '1.0.0',
  description: 'From a placed order to a parcel on its way',
  context: Order,
})
  .step('validate_order', ValidateOrder)
  .step('check_fraud', CheckFraud, {
    depends_on_steps: ['validate_order'],
    handler_config: { review_above_cents: 60_000, blocked_domains: ['mailinator.example'] },
  })
  .step('reserve_inventory', ReserveInventory, { depends_on_steps: ['validate_order', 'check_fraud'] })
  .step('authorize_payment', authorizePayment, {
    depends_on_steps: ['validate_order', 'check_fraud'],
    ...overTheNetwork,
  })
  .step('capture_payment', capturePayment, {
    depends_on_steps: ['reserve_inventory', 'authorize_payment'],
    ...overTheNetwork,
  })
  .step('create_invoice', CreateInvoice, {
    depends_on_steps: ['validate_order', 'reserve_inventory', 'authorize_payment'],
  })
  .step('ship_order', shipOrder, { depends_on_steps: ['capture_payment', 'create_invoice'] })
  .step('notify_customer', NotifyCustomer, { depends_on_steps: ['create_invoice', 'ship_order'] })
  .step('update_loyalty', UpdateLoyalty, {
    depends_on_steps: ['capture_payment', 'ship_order'],
    handler_config: { points_per_euro: 2 },
  })
  .step('close_order', CloseOrder, { depends_on_steps: ['notify_customer', 'update_loyalty'] })
  .build();
