// Where the server listens, and with which credentials. Safe unless told otherwise: what goes over a network is encrypted,
// and whoever comes from another machine shows a token or a certificate. Everything is read and checked before a port opens.
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import { TreadleError } from '../../core/errors.ts';

/** Files in PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Callers must show a certificate that this authority has signed. */
  readonly clientCa?: string | undefined;
}

export interface Safety {
  readonly tls: TlsFiles | undefined;
  readonly hasTokens: boolean;
  /** Plaintext also where others can listen, as behind a proxy that speaks TLS. */
  readonly allowPlaintext: boolean;
}

/** An address as grpc-js takes it. */
export interface Door {
  readonly address: string;
  /** The path of a unix socket. */
  readonly socket: string | undefined;
  readonly credentials: ServerCredentials;
}

/** @throws TreadleError `invalid_config` for an address that cannot be one, an unreadable file, or an unsafe door. */
export function doors(addresses: readonly string[], safety: Safety): Door[] {
  const secure = safety.tls && tlsCredentials(safety.tls);
  return addresses.map((address) => {
    const socket = socketOf(address);
    // file permissions guard a socket, and no name in a certificate could fit its path
    if (socket !== undefined) return { address, socket, credentials: ServerCredentials.createInsecure() };
    assertSafe(address, safety);
    return { address, socket, credentials: secure ?? ServerCredentials.createInsecure() };
  });
}

function socketOf(address: string): string | undefined {
  const path = address.startsWith('unix:') ? address.slice('unix:'.length) : undefined;
  if (path === '') throw unfit(`expected a path after "unix:", came ${JSON.stringify(address)}`);
  return path;
}

function assertSafe(address: string, { tls, hasTokens, allowPlaintext }: Safety): void {
  if (isLoopback(hostOf(address))) return;
  if (tls === undefined && !allowPlaintext) {
    throw unfit(
      `${address} would send tokens and data in clear over the network: expected TREADLE_GRPC_TLS_CERT and _KEY, ` +
        'or TREADLE_GRPC_ALLOW_PLAINTEXT=1 where something else encrypts',
    );
  }
  if (hasTokens || tls?.clientCa !== undefined) return;
  throw unfit(
    `${address} is open to other machines: expected TREADLE_GRPC_TOKENS, or TREADLE_GRPC_TLS_CLIENT_CA for certificates of callers`,
  );
}

/** The host of `host:port`; an IPv6 address stands in brackets. */
function hostOf(address: string): string {
  const parts = /^(?:\[(?<ipv6>[^\]]+)\]|(?<name>[^:\s/]+)):(?<port>\d{1,5})$/.exec(address)?.groups;
  const host = parts?.['ipv6'] ?? parts?.['name'];
  const fits = host !== undefined && Number(parts?.['port']) <= 65_535;
  if (fits && (parts?.['ipv6'] === undefined || isIP(host) === 6)) return host;
  throw unfit(
    `expected an address like 127.0.0.1:7465, [::1]:7465 or unix:/run/treadle.sock, came ${JSON.stringify(address)}`,
  );
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function tlsCredentials({ cert, key, clientCa }: TlsFiles): ServerCredentials {
  const [certChain, privateKey] = [contentOf(cert), contentOf(key)];
  const ca = clientCa === undefined ? null : contentOf(clientCa);
  try {
    createSecureContext({ cert: certChain, key: privateKey, ...(ca ? { ca } : {}) });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const files = [cert, key, ...(clientCa === undefined ? [] : [clientCa])].join(', ');
    throw unfit(`expected PEM files of a certificate and its key, came ${files}: ${reason}`, cause);
  }
  return ServerCredentials.createSsl(ca, [{ cert_chain: certChain, private_key: privateKey }], ca !== null);
}

function contentOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw unfit(`${file} cannot be read (${reason})`, cause);
  }
}

function unfit(message: string, cause?: unknown): TreadleError {
  return new TreadleError('invalid_config', `gRPC: ${message}`, cause === undefined ? {} : { cause });
}
