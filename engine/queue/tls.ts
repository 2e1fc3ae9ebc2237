// TLS to the server of a queue: which authority is trusted, and which certificate is shown. Files in PEM, named in the URL
// of the queue, and read and checked before anything is connected. Without them Node's own authorities are trusted.
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { TreadleError } from '../../core/errors.ts';

const file = z.string().min(1, 'expected the path of a PEM file').optional();

/** Options of every URL with TLS. */
export const tlsShape = { tls_ca: file, tls_cert: file, tls_key: file };

/** Paths of files in PEM. */
export interface QueueTlsFiles {
  /** The authority that has signed the certificate of the server. Default: those that Node trusts. */
  readonly ca?: string | undefined;
  /** Shown to a server that asks for one. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** The files themselves, as `tls.connect` takes them. */
export interface TlsContext {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

type TlsOptions = z.infer<z.ZodObject<typeof tlsShape>>;

/**
 * What the options of this URL say.
 * @throws TreadleError `invalid_config`, also where the URL is one without TLS
 */
export function tlsFilesOf(url: URL, { tls_ca, tls_cert, tls_key }: TlsOptions): QueueTlsFiles {
  const where = `queue ${url.protocol}//${url.host}`;
  const named = Object.entries({ tls_ca, tls_cert, tls_key }).filter(([, path]) => path !== undefined);
  const [first] = named.map(([option]) => option);
  if (first !== undefined && !/(rediss|sidekiqs|amqps)\b/.test(url.protocol)) {
    throw unfit(`${where}: expected a scheme with TLS beside ${first}, such as ${withTls(url.protocol)}//`);
  }
  if ((tls_cert === undefined) !== (tls_key === undefined)) {
    throw unfit(`${where}: expected tls_cert and tls_key together, came one of them`);
  }
  return { ca: tls_ca, cert: tls_cert, key: tls_key };
}

/**
 * Undefined: nothing was named.
 * @throws TreadleError `invalid_config` for a file that cannot be read or is no PEM
 */
export function readTls({ ca, cert, key }: QueueTlsFiles = {}): TlsContext | undefined {
  const paths = [ca, cert, key].filter((path) => path !== undefined);
  if (paths.length === 0) return undefined;
  const context = {
    ...(ca === undefined ? {} : { ca: contentOf(ca) }),
    ...(cert === undefined ? {} : { cert: contentOf(cert) }),
    ...(key === undefined ? {} : { key: contentOf(key) }),
  };
  try {
    createSecureContext(context);
  } catch (cause) {
    throw unfit(
      `TLS of the queue: expected files in PEM, came ${paths.join(', ')} (${reasonOf(cause)})`,
      cause,
    );
  }
  return context;
}

function withTls(protocol: string): string {
  return protocol.replace(/(redis|sidekiq|amqp)(?=\W)/, '$1s');
}

function contentOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw unfit(
      `TLS of the queue: expected a file in PEM, came ${path}, which cannot be read (${reasonOf(cause)})`,
      cause,
    );
  }
}

function reasonOf(cause: unknown): string {
  if (cause instanceof Error && 'code' in cause) return String(cause.code);
  return cause instanceof Error ? cause.message : String(cause);
}

function unfit(message: string, cause?: unknown): TreadleError {
  return new TreadleError('invalid_config', message, { cause });
}
