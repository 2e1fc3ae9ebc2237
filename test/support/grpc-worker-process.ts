// A worker process that holds every step that it is given, for tests that kill and freeze it. argv[2] is JSON: HolderOrders.
// It prints a line for each step, `<name>/<attempt>`, and at last how its stream ended.
import { GrpcWorker } from './grpc-worker.ts';

export interface HolderOrders {
  readonly address: string;
  readonly handlers: readonly string[];
  readonly credits: number;
  readonly heartbeatMs: number;
}

const orders = JSON.parse(process.argv[2] ?? '{}') as HolderOrders;
const worker = new GrpcWorker({ address: orders.address });
await worker.register({ handlers: [...orders.handlers], name: `holder:${process.pid}` });
worker.grant(orders.credits);
const beating = setInterval(() => worker.say({ $case: 'heartbeat', value: {} }), orders.heartbeatMs);
for (let held = 1; held <= orders.credits; held += 1) {
  const step = (await worker.assigned(held))[held - 1];
  console.log(`${step?.step_name}/${step?.attempt}`);
}
const { code } = await worker.ended;
clearInterval(beating);
console.log(code);
worker.close();
