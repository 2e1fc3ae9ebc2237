// When to look at what is watched: soon after this process has changed something, and otherwise now and then at all of it,
// since other engines and Rails apps change things too; more often while that brings news.

/** From a change of our own to the look at it; what changes meanwhile is seen by the same look. */
const SOON_MS = 100;
/** Between looks at everything: while they bring news, and at most. */
const SHORTEST_GAP_MS = 200;
const LONGEST_GAP_MS = 2000;

/** Looks at everything, or at what this process has changed. Resolves with whether there was news; must not reject. */
export type Look = (everything: boolean) => Promise<boolean>;

export class WatchPace {
  readonly #look: Look;
  #running = false;
  #looking = false;
  #isSoon = false;
  #gapMs = SHORTEST_GAP_MS;
  #lookedAt = -Infinity;
  #lookedAtAllAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;

  constructor(look: Look) {
    this.#look = look;
  }

  /** There is something to watch, or something more. */
  start(): void {
    this.#running = true;
    this.#gapMs = SHORTEST_GAP_MS;
    this.#schedule();
  }

  /** There is nothing left to watch. */
  stop(): void {
    this.#running = false;
    this.#isSoon = false;
    this.#disarm();
  }

  soon(): void {
    this.#isSoon = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#looking || !this.#running) return;
    const all = this.#lookedAtAllAt + this.#gapMs;
    const at = this.#isSoon ? Math.min(this.#lookedAt + SOON_MS, all) : all;
    if (at >= this.#timerAt) return;
    this.#disarm();
    this.#timerAt = at;
    this.#timer = setTimeout(() => void this.#turn(), Math.max(at - performance.now(), 0));
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timerAt = Infinity;
  }

  async #turn(): Promise<void> {
    this.#timerAt = Infinity;
    this.#looking = true;
    this.#isSoon = false;
    this.#lookedAt = performance.now();
    const everything = this.#lookedAt >= this.#lookedAtAllAt + this.#gapMs;
    if (everything) this.#lookedAtAllAt = this.#lookedAt;
    const news = await this.#look(everything);
    if (news) this.#gapMs = SHORTEST_GAP_MS;
    else if (everything) this.#gapMs = Math.min(this.#gapMs * 2, LONGEST_GAP_MS);
    this.#looking = false;
    this.#schedule();
  }
}
