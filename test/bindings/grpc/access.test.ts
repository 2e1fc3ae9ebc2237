// Tokens: what the file may say, who gets in with one, and how far.
import { createHash } from 'node:crypto';
import { Metadata, status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { Access } from '../../../bindings/grpc/access.ts';
import { readTokens } from '../../../bindings/tokens.ts';
import { serve } from '../../support/grpc-servers.ts';
import { testDatabase } from '../../support/postgres.ts';
import { tokensFile } from '../../support/token-files.ts';

const home = testDatabase();
const WORKER = 'worker-token-1234567';
const CLIENT = 'client-token-1234567';

const FILE = [
  { name: 'payments', token: WORKER, role: 'worker', handlers: ['Payments::*', 'notify'] },
  {
    name: 'shop',
    token_sha256: createHash('sha256').update(CLIENT).digest('hex'),
    role: 'client',
    namespaces: ['shop', 'eu-*'],
  },
];

function bearing(...values: readonly string[]): Metadata {
  const metadata = new Metadata();
  for (const value of values) metadata.add('authorization', value);
  return metadata;
}

function access(): Access {
  return new Access(readTokens(tokensFile(FILE)));
}

describe('a token', () => {
  it('lets its bearer in, within its scope', () => {
    const worker = access().worker(bearing(`Bearer ${WORKER}`));
    const client = access().client(bearing(`bearer ${CLIENT}`));
    expect(worker.name).toBe('payments');
    expect(['Payments::Pay', 'notify', 'notify2', 'XPayments::Pay'].map(worker.mayServe)).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(['shop', 'eu-1', 'us', 'shop2'].map(client.mayUse)).toEqual([true, true, false, false]);
    expect(client).toMatchObject({ name: 'shop', namespaces: ['shop', 'eu-*'] });
  });

  it('without a scope may use everything', () => {
    const all = new Access(readTokens(tokensFile([{ name: 'all', token: CLIENT, role: 'client' }])));
    expect(all.client(bearing(`Bearer ${CLIENT}`)).mayUse('anything')).toBe(true);
  });

  it.each([
    ['none', []],
    ['an unknown one', [`Bearer ${WORKER}x`]],
    ['one without Bearer', [WORKER]],
    ['an empty one', ['Bearer ']],
    ['two', [`Bearer ${WORKER}`, `Bearer ${CLIENT}`]],
  ])('is needed: %s is UNAUTHENTICATED', (_name, values) => {
    const refusal = expect.objectContaining({ code: status.UNAUTHENTICATED }) as Error;
    expect(() => access().worker(bearing(...values))).toThrow(refusal);
  });

  it('of the other role is PERMISSION_DENIED', () => {
    const refusal = expect.objectContaining({ code: status.PERMISSION_DENIED }) as Error;
    expect(() => access().worker(bearing(`Bearer ${CLIENT}`))).toThrow(refusal);
    expect(() => access().client(bearing(`Bearer ${WORKER}`))).toThrow(refusal);
  });
});

describe('a file of tokens', () => {
  const token = 'x'.repeat(16);
  it.each<[string, unknown, RegExp]>([
    ['not a list', { name: 'a' }, /expected a list of tokens$/],
    ['empty', [], /expected at least one token$/],
    ['no YAML', '{', /expected YAML or JSON$/],
    [
      'handlers for a client',
      [{ name: 'a', role: 'client', token, handlers: ['x'] }],
      /0\.handlers: only tokens of workers/,
    ],
    [
      'namespaces for a worker',
      [{ name: 'a', role: 'worker', token, namespaces: ['x'] }],
      /0\.namespaces: only tokens of clients/,
    ],
    ['another role', [{ name: 'a', role: 'admin', token }], /0\.role: expected one of worker, client$/],
    [
      'a short token',
      [{ name: 'a', role: 'client', token: 'secret' }],
      /0\.token: expected at least 16 characters$/,
    ],
    ['no token', [{ name: 'a', role: 'client' }], /0: expected exactly one of token and token_sha256$/],
    ['an unknown key', [{ name: 'a', role: 'client', token, scope: [] }], /scope/],
    [
      'an empty scope',
      [{ name: 'a', role: 'client', token, namespaces: [] }],
      /expected at least one; leave it out/,
    ],
    [
      'a token twice',
      [
        { name: 'a', role: 'client', token },
        { name: 'b', role: 'client', token },
      ],
      /b: expected names and tokens that occur once$/,
    ],
  ])('is refused when it holds %s', (_name, content, message) => {
    const refusal = { code: 'invalid_config', message: expect.stringMatching(message) as string };
    expect(() => readTokens(tokensFile(content))).toThrow(expect.objectContaining(refusal) as Error);
  });

  it('is never quoted in what is said about it', () => {
    const secret = 'hunter2hunter2 with a space';
    const content = [{ name: 'a', role: 'client', token: secret, token_sha256: secret }];
    expect(() => readTokens(tokensFile(content))).toThrow(/^(?!.*hunter2)/s);
  });

  it('that cannot be read is one line', () => {
    expect(() => readTokens('/nowhere/tokens')).toThrow(
      'the tokens file /nowhere/tokens cannot be read (ENOENT)',
    );
  });
});

describe('a worker with a token', () => {
  it('registers handlers of its scope, and no others', async () => {
    const grpc = { tokens: tokensFile(FILE) };
    const { newWorker } = await serve({ database: home.database, templates: [], grpc });
    const [allowed, outside] = [newWorker({ token: WORKER }), newWorker({ token: WORKER })];
    expect(await allowed.register({ handlers: ['Payments::Pay'] })).toMatchObject({
      engine_version: 'unknown',
    });
    void outside.register({ handlers: ['notify', 'Shipping::Ship'] }).catch(() => {});
    expect(await outside.ended).toEqual({
      code: 'PERMISSION_DENIED',
      details: 'the token payments may not serve Shipping::Ship',
    });
  });

  it.each([
    [undefined, 'UNAUTHENTICATED'],
    ['wrong-token-1234567890', 'UNAUTHENTICATED'],
    [CLIENT, 'PERMISSION_DENIED'],
  ])('%s is turned away with %s before it says a word', async (token, code) => {
    const grpc = { tokens: tokensFile(FILE) };
    const { newWorker } = await serve({ database: home.database, templates: [], grpc });
    expect(await newWorker(token === undefined ? {} : { token }).ended).toMatchObject({ code });
  });
});
