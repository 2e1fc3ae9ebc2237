// Gathers single calls into batches: while one batch is under way the next one collects, so batches grow with the load
// and a lone call waits for nothing. Used for everything that one statement can do for many.

export interface BatcherOptions<Item, Result> {
  /** Most items in one batch. */
  readonly maxSize: number;
  /** Handles a batch; answers in the order of the items. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** How many batches may be under way at once. Default 1. */
  readonly lanes?: number;
  /** Items for which a further lane is worth opening: fewer wait for the one that is busy. Default 1. */
  readonly worthALane?: number;
  /** Items with the same key wait for each other wherever they are: alone they are worth one lane only. */
  readonly keyOf?: (item: Item) => unknown;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export class Batcher<Item, Result> {
  readonly #options: BatcherOptions<Item, Result>;
  #waiting: Waiting<Item, Result>[] = [];
  #lanes = 0;
  #woken = false;

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = options;
  }

  /** Items that no batch has taken yet. */
  get size(): number {
    return this.#waiting.length;
  }

  add(item: Item): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      // A turn of the loop lets everything that ended in the same tick join the batch.
      if (!this.#woken) {
        this.#woken = true;
        setImmediate(() => this.#openLanes());
      }
    });
  }

  #openLanes(): void {
    this.#woken = false;
    const { lanes = 1 } = this.#options;
    while (this.#lanes < lanes && this.#isWorthALane()) {
      this.#lanes += 1;
      void this.#drain();
    }
  }

  /** The first lane is for whatever there is. */
  #isWorthALane(): boolean {
    const { worthALane = 1 } = this.#options;
    if (this.#lanes === 0) return this.#waiting.length > 0;
    return this.#waiting.length >= worthALane && this.#hasManyKeys;
  }

  get #hasManyKeys(): boolean {
    const { keyOf } = this.#options;
    const [first] = this.#waiting;
    if (keyOf === undefined || first === undefined) return true;
    const key = keyOf(first.item);
    return this.#waiting.some(({ item }) => keyOf(item) !== key);
  }

  async #drain(): Promise<void> {
    do await this.#run(this.#waiting.splice(0, this.#nextSize()));
    while (this.#lanes === 1 ? this.#waiting.length > 0 : this.#isWorthALane());
    this.#lanes -= 1;
  }

  /** A burst is shared among the lanes, so that none of them waits for the others. */
  #nextSize(): number {
    const { maxSize, lanes = 1, worthALane = 1 } = this.#options;
    const sharing = this.#hasManyKeys ? lanes - this.#lanes + 1 : 1; // this one, and those that are still closed
    return Math.min(maxSize, Math.max(Math.ceil(this.#waiting.length / sharing), worthALane));
  }

  async #run(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#options.run(batch.map((waiting) => waiting.item));
      batch.forEach((waiting, index) => waiting.resolve(results[index] as Result));
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
    }
  }
}
