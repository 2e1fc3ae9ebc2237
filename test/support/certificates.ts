// Certificates for tests, made by openssl when they are needed: an authority, and what it signs.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export class Authority {
  readonly folder = mkdtempSync(join(tmpdir(), 'treadle-tls-'));
  readonly files: CertificateFiles;

  constructor() {
    this.files = this.#paths('authority');
    const { cert, key } = this.files;
    openssl('req', '-x509', ...NEW_KEY, '-keyout', key, '-out', cert, '-days', '1', '-subj', '/CN=authority');
  }

  /** For 127.0.0.1 and localhost. */
  sign(name: string): CertificateFiles {
    const { cert, key } = this.#paths(name);
    const [request, names] = [join(this.folder, `${name}.csr`), join(this.folder, `${name}.ext`)];
    writeFileSync(names, 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
    openssl('req', ...NEW_KEY, '-keyout', key, '-out', request, '-subj', `/CN=${name}`);
    const signed = ['-CA', this.files.cert, '-CAkey', this.files.key, '-CAcreateserial'];
    openssl('x509', '-req', '-in', request, ...signed, '-out', cert, '-days', '1', '-extfile', names);
    return { cert, key };
  }

  #paths(name: string): CertificateFiles {
    return { cert: join(this.folder, `${name}.pem`), key: join(this.folder, `${name}.key`) };
  }
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}

/** An authority for all tests of the calling file. */
export function newAuthority(): Authority {
  const authority = new Authority();
  afterAll(() => rmSync(authority.folder, { recursive: true, force: true }));
  return authority;
}
