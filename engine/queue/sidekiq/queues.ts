// Sidekiq knows no priorities, only queues that its processes look at in an order. Here: into which queue a priority leads.

/** Jobs of this priority or one further from 0 go to this queue. */
export interface PriorityQueue {
  readonly queue: string;
  readonly from: number;
}

/** The queue with the bound that lies nearest to the priority, on its way from 0; else `usual`. */
export function queueFor(priority: number, usual: string, queues: readonly PriorityQueue[]): string {
  const reached = queues.filter(({ from }) => (from > 0 ? priority >= from : priority <= from));
  const furthest = reached.toSorted((a, b) => Math.abs(b.from) - Math.abs(a.from))[0];
  return furthest?.queue ?? usual;
}
