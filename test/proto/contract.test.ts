// The contract of the wire: it is linted, the generated code is what it says, what was promised stays promised, and its
// words are those of the house.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAILURE_CODES } from '../../core/outcome.ts';
import { STATES } from '../../core/vocabulary.ts';
import { State } from '../../proto/gen/treadle/v1/client.ts';
import { FailureCode } from '../../proto/gen/treadle/v1/worker.ts';
import { failureCodeOf } from '../../bindings/grpc/worker/failure-codes.ts';
import { buf, ROOT } from '../support/buf.ts';

const PROMISED = 'proto/treadle-v1.binpb';
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'treadle-proto-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** All files of a tree with their content, by their paths. */
function filesOf(tree: string): Record<string, string> {
  const entries = readdirSync(tree, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = entries.map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries(paths.map((path) => [path.slice(tree.length), readFileSync(path, 'utf8')]));
}

/** The contract with one change. */
function contractWith(file: string, change: (text: string) => string): string {
  const changed = mkdtempSync(join(folder, 'changed-'));
  cpSync(join(ROOT, 'proto', 'treadle'), join(changed, 'treadle'), { recursive: true });
  cpSync(join(ROOT, 'proto', 'google'), join(changed, 'google'), { recursive: true });
  const path = join(changed, file);
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, change(text));
  return changed;
}

describe('the contract', () => {
  it('is linted', async () => {
    expect(await buf('lint')).toEqual({ status: 0, output: '' });
  });

  it('is what the committed TypeScript was generated from', async () => {
    const generated = join(folder, 'generated');
    expect(await buf('generate', '--output', generated)).toMatchObject({ status: 0 });
    expect(filesOf(join(generated, 'proto', 'gen'))).toEqual(filesOf(join(ROOT, 'proto', 'gen')));
  });

  it('breaks nothing that was promised', async () => {
    expect(await buf('breaking', '--against', PROMISED)).toEqual({ status: 0, output: '' });
  });

  it.each([
    ['a field', 'treadle/v1/worker.proto', /^ {2}uint64 duration_us = 6;$/m, /field "6"/],
    ['a value', 'treadle/v1/worker.proto', /^ {2}FAILURE_CODE_WORKER_LOST = 10;$/m, /value "10"/],
    ['a call', 'treadle/v1/client.proto', /^ {2}rpc RunTask.*$/m, /RPC "RunTask"/],
  ])('is found to break when it loses %s', async (_name, file, lost, words) => {
    const changed = contractWith(file, (text) => {
      expect(text).toMatch(lost);
      return text.replace(lost, '');
    });
    const { status, output } = await buf('breaking', changed, '--against', PROMISED);
    expect(status).not.toBe(0);
    expect(output).toMatch(words);
  });
});

describe('the words of the wire are those of the house:', () => {
  const names = (words: object) =>
    Object.keys(words)
      .filter((name) => !['UNSPECIFIED', 'UNRECOGNIZED'].includes(name))
      .map((name) => name.toLowerCase());

  it('states', () => {
    expect(names(State)).toEqual([...STATES]);
  });

  it('failure codes, all but the one that only Postgres can say', () => {
    expect(names(FailureCode).toSorted()).toEqual(
      FAILURE_CODES.filter((code) => code !== 'unstorable').toSorted(),
    );
    for (const [name, number] of Object.entries(FailureCode)) {
      const known = FAILURE_CODES.find((code) => code === name.toLowerCase());
      expect(failureCodeOf(number)).toBe(known ?? 'handler_error');
    }
  });
});
