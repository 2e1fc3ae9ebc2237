// The provider's books: a line of JSON per event in a file, read again at the start, so that an interrupted run finds its
// authorizations when it goes on. Idempotent by key, and by nothing else: who sends another key for the same order pays
// twice, as with a real provider. That is what the check at the end of the demo would find.
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface LedgerEntry {
  readonly kind: 'authorized' | 'charged' | 'voided' | 'refunded';
  readonly id: string;
  readonly key: string;
  readonly authorization_id: string;
  readonly reference: string;
  readonly amount_cents: number;
}

export class Ledger {
  readonly #file: string;
  readonly #byId = new Map<string, LedgerEntry>();
  readonly #byKey = new Map<string, LedgerEntry>();
  readonly #byReference = new Map<string, LedgerEntry[]>();

  constructor(file: string) {
    this.#file = file;
    mkdirSync(dirname(file), { recursive: true });
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    // a line that a crash cut off was never answered for, and is not one of the books
    for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
      if (line !== '') this.#remember(JSON.parse(line) as LedgerEntry);
    }
  }

  withKey(key: string): LedgerEntry | undefined {
    return this.#byKey.get(key);
  }

  authorization(id: string): LedgerEntry | undefined {
    const entry = this.#byId.get(id);
    return entry?.kind === 'authorized' ? entry : undefined;
  }

  /** Everything that happened for a reference, oldest first. */
  history(reference: string): readonly LedgerEntry[] {
    return this.#byReference.get(reference) ?? [];
  }

  record(entry: Omit<LedgerEntry, 'id'>): LedgerEntry {
    const recorded = { ...entry, id: `${entry.kind.slice(0, 2)}_${this.#byId.size + 1}` };
    appendFileSync(this.#file, `${JSON.stringify(recorded)}\n`);
    this.#remember(recorded);
    return recorded;
  }

  #remember(entry: LedgerEntry): void {
    this.#byId.set(entry.id, entry);
    this.#byKey.set(entry.key, entry);
    this.#byReference.set(entry.reference, [...this.history(entry.reference), entry]);
  }
}
