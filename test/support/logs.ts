// A log that a test can wait on and count in.
import { pino, type Logger } from 'pino';

export class LogBook {
  readonly log: Logger;
  readonly lines: { readonly level: number; readonly msg: string }[] = [];
  #waiting: (() => void)[] = [];

  constructor() {
    this.log = pino({ level: 'debug' }, { write: (line: string) => this.#write(line) });
  }

  /** Messages that match, of level info and above. */
  messages(pattern: RegExp): string[] {
    return this.lines.filter(({ level, msg }) => level >= 30 && pattern.test(msg)).map(({ msg }) => msg);
  }

  /** Resolves when such a message has been written so many times. */
  async says(pattern: RegExp, times = 1): Promise<void> {
    while (this.messages(pattern).length < times) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #write(line: string): void {
    this.lines.push(JSON.parse(line) as { level: number; msg: string });
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const tell of waiting) tell();
  }
}
