// HTTP servers for tests: real ones, beside real engines, on ports that are free.
import { onTestFinished } from 'vitest';
import { HttpServer, type HttpServerOptions } from '../../bindings/http/server.ts';
import type { TaskTemplate } from '../../core/template/template.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Database } from '../../sql/database.ts';
import { startEngine, type Works } from './engines.ts';

export interface HttpAnswer {
  readonly status: number;
  // what the API answers is for each test to say
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

export interface Api {
  readonly engine: Engine;
  readonly url: string;
  readonly ask: (method: string, path: string, body?: unknown, token?: string) => Promise<HttpAnswer>;
}

export interface ApiOptions {
  readonly database: Database;
  readonly templates?: readonly TaskTemplate[];
  readonly works?: Works;
  readonly http?: Partial<HttpServerOptions>;
}

export async function startApi({ database, templates = [], works = {}, http }: ApiOptions): Promise<Api> {
  const engine = await startEngine({ database, templates, works });
  const server = new HttpServer({ engine, database, listen: '127.0.0.1:0', ...http });
  onTestFinished(() => server.stop());
  const url = await server.start();
  const ask: Api['ask'] = async (method, path, body, token) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    return { status: response.status, body: isJson ? JSON.parse(text) : text };
  };
  return { engine, url, ask };
}
