// Gathers single calls into batches: while one batch is under way the next one collects, so batches grow with the load
// and a lone call waits for nothing. Used for everything that one statement can do for many.

export interface BatcherOptions<Item, Result> {
  /** Most items in one batch. */
  readonly maxSize: number;
  /** Handles a batch; answers in the order of the items. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** How many batches may be under way at once. */
  readonly lanes?: number;
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
      if (this.#waiting.length === 1) setImmediate(() => void this.#drain());
    });
  }

  async #drain(): Promise<void> {
    if (this.#lanes >= (this.#options.lanes ?? 1)) return;
    this.#lanes += 1;
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting.splice(0, this.#options.maxSize);
        await this.#run(batch);
      }
    } finally {
      this.#lanes -= 1;
    }
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
