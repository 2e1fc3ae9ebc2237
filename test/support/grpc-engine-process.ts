// A process of its own that runs an engine with its gRPC server, for tests that kill it. argv[2] is JSON: EngineOrders. It
// prints the address that it listens on.
import { GrpcServer } from '../../bindings/grpc/server.ts';
import { parseTemplate, type TaskTemplate } from '../../core/template/template.ts';
import { Engine } from '../../engine/engine.ts';
import { Database } from '../../sql/database.ts';

export interface EngineOrders {
  readonly url: string;
  readonly templates: readonly TaskTemplate[];
}

const { url, templates } = JSON.parse(process.argv[2] ?? '{}') as EngineOrders;
const database = new Database({ url });
const engine = new Engine({ database, templates: templates.map((template) => parseTemplate(template)) });
await engine.start();
const server = new GrpcServer({ engine, database, listen: ['127.0.0.1:0'] });
const [address] = await server.start();
console.log(address);
