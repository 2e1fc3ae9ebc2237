// Where the HTTP server listens. Safe unless told otherwise: it speaks no TLS, so that without being told it is reached from this machine only.
import { isIP } from 'node:net';
import { TreadleError } from '../../core/errors.ts';

export interface HttpAddress {
  readonly host: string;
  readonly port: number;
}

export interface HttpSafety {
  readonly hasTokens: boolean;
  readonly allowPlaintext: boolean;
}

/** @throws TreadleError `invalid_config` */
export function addressOf(text: string, { hasTokens, allowPlaintext }: HttpSafety): HttpAddress {
  const parts = /^(?:\[(?<ipv6>[^\]]+)\]|(?<name>[^:\s/]+)):(?<port>\d{1,5})$/.exec(text)?.groups;
  const host = parts?.['ipv6'] ?? parts?.['name'];
  const port = Number(parts?.['port']);
  if (host === undefined || port > 65_535 || (parts?.['ipv6'] !== undefined && isIP(host) !== 6)) {
    throw unfit(`expected an address like 127.0.0.1:7466 or [::1]:7466, came ${JSON.stringify(text)}`);
  }
  if (isLoopback(host)) return { host, port };
  if (!hasTokens) throw unfit(`${text} is open to other machines: expected TREADLE_HTTP_TOKENS`);
  if (!allowPlaintext) {
    throw unfit(
      `${text} would send tokens and data in clear over the network: expected TREADLE_HTTP_ALLOW_PLAINTEXT=1 where a proxy speaks TLS`,
    );
  }
  return { host, port };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function unfit(message: string): TreadleError {
  return new TreadleError('invalid_config', `HTTP: ${message}`);
}
