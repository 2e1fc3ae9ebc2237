// Looking at the earliest of many instants, and not before: one timer, and one look at a time. It keeps no process alive.

/** The longest delay that a timer of Node can hold; what is due later is heard of again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class NextLook {
  readonly #look: () => void | Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Infinity;
  #looking: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  /** `look` deals with its own errors. */
  constructor(look: () => void | Promise<void>) {
    this.#look = look;
  }

  get isStopped(): boolean {
    return this.#stopped;
  }

  /** One look at a time; a call during one makes it look again. */
  now(): void {
    if (this.#stopped) return;
    this.#again = true;
    this.#looking ??= this.#run();
  }

  /** In so many ms it is worth to look; 0 or less: now. What was said before may be nearer, and stays. */
  expect(inMs: number): void {
    if (inMs <= 0) this.now();
    else if (performance.now() + inMs < this.#dueAt) this.plan(inMs);
  }

  /** What a look has found out, instead of all that was said before; null: nothing is to come. */
  plan(inMs: number | null): void {
    clearTimeout(this.#timer);
    this.#dueAt = Infinity;
    if (inMs === null || this.#stopped) return;
    const delay = Math.min(Math.ceil(inMs), LONGEST_TIMER_MS);
    this.#dueAt = performance.now() + delay;
    this.#timer = setTimeout(() => {
      this.#dueAt = Infinity;
      this.now();
    }, delay);
    this.#timer.unref();
  }

  /** Resolves when no look is under way, and none will be. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  async #run(): Promise<void> {
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false;
        await this.#look();
      }
    } finally {
      this.#looking = undefined; // at once: a call a moment later must find nothing under way
    }
  }
}
