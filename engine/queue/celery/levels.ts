// Our priorities, -100 to 100, on the few levels that a broker has. Redis counts down (0 goes first), RabbitMQ up.

/**
 * `levels`: those of the broker, the one that goes first at the front. Zero gets the middle one, above when there are two;
 * what is higher shares those before it, what is lower those after it.
 */
export function levelOf(priority: number, levels: readonly number[]): number {
  const middle = Math.floor((levels.length - 1) / 2);
  const share = Math.min(Math.abs(priority) / 100, 1);
  const above = Math.ceil(share * middle);
  const below = Math.ceil(share * (levels.length - 1 - middle));
  const place = priority > 0 ? middle - above : priority < 0 ? middle + below : middle;
  return levels[place] ?? 0;
}
