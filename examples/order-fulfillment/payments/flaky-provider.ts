// A payment provider with bad days: a real HTTP server on 127.0.0.1. It counts what it was asked, misbehaves as its moods
// say, and keeps its books right all the same.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { refusalIn, send, type Answer } from './answers.ts';
import { Ledger, type LedgerEntry } from './ledger.ts';
import { moodOf, type Mood, type Operation } from './moods.ts';

/** Longer than the shop waits (timeout_seconds in workflow.ts). */
const SLOW_MS = 4000;
const NORMAL_MS = 15;

const Body = z.object({
  reference: z.string().optional(),
  card: z.string().optional(),
  amount_cents: z.int().positive().optional(),
});
type Body = z.infer<typeof Body>;

export class FlakyProvider {
  readonly ledger: Ledger;
  /** Requests, and those answered from the books because the key was known. */
  readonly counts = { requests: 0, repeats: 0 };
  /** How often each program asked for an authorization or a charge, by the name that it gives itself. */
  readonly callers = new Map<string, number>();
  readonly #seed: number;
  readonly #server: Server;
  readonly #attempts = new Map<string, number>();

  constructor(options: { readonly seed: number; readonly ledgerFile: string }) {
    this.#seed = options.seed;
    this.ledger = new Ledger(options.ledgerFile);
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy()); // the client has gone away
    });
  }

  /** Returns the URL. */
  async start(): Promise<string> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the provider has no port');
    return `http://127.0.0.1:${address.port}`;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Body.parse(JSON.parse(await textOf(request)));
    const key = String(request.headers['idempotency-key']);
    const [, collection, id, verb] = (request.url ?? '').split('/').map(decodeURIComponent);
    this.counts.requests += 1;
    if (collection === 'cancellations') return send(response, this.#cancel(key, body));
    if (collection !== 'authorizations') return send(response, { status: 404, body: 'no such thing' });
    const caller = request.headers['user-agent'] ?? 'nobody';
    this.callers.set(caller, (this.callers.get(caller) ?? 0) + 1);
    const authorization = verb === 'capture' && id !== undefined ? this.ledger.authorization(id) : undefined;
    const operation = verb === 'capture' ? 'capture' : 'authorize';
    const mood = this.#mood(operation, authorization?.reference ?? body.reference ?? '');
    const refused = refusalIn(mood);
    await pause(NORMAL_MS);
    if (refused) return send(response, refused);
    const answer = operation === 'capture' ? this.#capture(key, authorization) : this.#authorize(key, body);
    if (mood === 'hung_up') return void response.destroy();
    // `ref: false`: nobody waits for this answer, the end of the program neither
    if (mood === 'slow') await pause(SLOW_MS, undefined, { ref: false });
    return send(response, answer);
  }

  #mood(operation: Operation, reference: string): Mood {
    const key = `${operation}/${reference}`;
    const attempt = (this.#attempts.get(key) ?? 0) + 1;
    this.#attempts.set(key, attempt);
    return moodOf(this.#seed, operation, reference.slice(reference.indexOf('/') + 1), attempt);
  }

  #authorize(key: string, { reference, card, amount_cents }: Body): Answer {
    if (!reference || !card || !amount_cents) return { status: 400, body: 'reference, card, amount_cents' };
    const entry = this.#once(key, () => ({
      kind: 'authorized',
      authorization_id: '',
      reference,
      amount_cents,
    }));
    return { status: 201, body: { authorization_id: entry.id, amount_cents: entry.amount_cents } };
  }

  #capture(key: string, authorization: LedgerEntry | undefined): Answer {
    if (!authorization) return { status: 404, body: 'no such authorization' };
    const { id: authorization_id, reference, amount_cents } = authorization;
    const charge = this.#once(key, () => ({ kind: 'charged', authorization_id, reference, amount_cents }));
    return { status: 201, body: { charge_id: charge.id, amount_cents: charge.amount_cents } };
  }

  /** Voids or refunds whatever is open under the reference. */
  #cancel(key: string, { reference = '' }: Body): Answer {
    const history = this.ledger.history(reference);
    const settled = new Set(history.map((entry) => entry.authorization_id));
    for (const entry of history.filter(({ kind, id }) => kind === 'authorized' && !settled.has(id))) {
      this.ledger.record({ ...entry, kind: 'voided', key: `${key}/${entry.id}`, authorization_id: entry.id });
    }
    const refunded = history.some((entry) => entry.kind === 'refunded');
    for (const entry of refunded ? [] : history.filter(({ kind }) => kind === 'charged')) {
      this.ledger.record({ ...entry, kind: 'refunded', key: `${key}/${entry.id}` });
    }
    return { status: 200, body: {} };
  }

  #once(key: string, make: () => Omit<LedgerEntry, 'id' | 'key'>): LedgerEntry {
    const known = this.ledger.withKey(key);
    if (known) this.counts.repeats += 1;
    return known ?? this.ledger.record({ ...make(), key });
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
