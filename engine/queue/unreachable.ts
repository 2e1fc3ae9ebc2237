// What is said of a queue's server that takes no jobs, in one line: where it is, why, and what a person can look at.
import { TreadleError } from '../../core/errors.ts';

/** Of OpenSSL and of Node, about the certificate of the server. */
const ABOUT_ITS_CERTIFICATE = /CERT|UNABLE_TO_(GET|VERIFY|DECODE)|ERR_TLS/;
const NO_TLS_THERE = /wrong version number|packet length too long|record layer failure/;

/** @param server such as `Redis at redis://localhost:6379/0`: without user and password */
export function unreachable(server: string, error: unknown): TreadleError {
  const message = `${server} does not take jobs (${reasonOf(error)}): ${adviceFor(error)}`;
  return new TreadleError('queue_unavailable', message, { cause: error });
}

/** In one line. Of several addresses that were tried (::1 and 127.0.0.1) Node keeps the reasons in `errors`. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return reasonOf(error.errors[0]);
  const message = error instanceof Error ? error.message : String(error);
  if (NO_TLS_THERE.test(message)) return 'it speaks no TLS at this port';
  return message.trim().replaceAll(/\s*\n\s*/g, ' ');
}

function adviceFor(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (ABOUT_ITS_CERTIFICATE.test(code)) {
    return 'is its certificate for this host, and signed by the authority in tls_ca, or by one that Node trusts?';
  }
  return 'is it running, and is it the one that TREADLE_QUEUE or --queue means?';
}
