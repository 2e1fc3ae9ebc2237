// One timer for the earliest of many instants at which it is worth to look again. It keeps no process alive.

/** The longest delay that a timer of Node can hold. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class NextLook {
  readonly #look: () => void;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Infinity;

  constructor(look: () => void) {
    this.#look = look;
  }

  /** In so many ms it is worth to look. What was said before may be nearer, and stays. */
  expect(inMs: number): void {
    const delay = Math.min(Math.max(Math.ceil(inMs), 1), LONGEST_TIMER_MS);
    if (performance.now() + delay >= this.#dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = performance.now() + delay;
    this.#timer = setTimeout(() => {
      this.#dueAt = Infinity;
      this.#look();
    }, delay);
    this.#timer.unref();
  }
}
