// What CeleryQueue needs of a broker; redis-broker.ts and amqp-broker.ts are the two that Celery users run.
import type { PlacedMessage } from './message.ts';

export interface CeleryBroker {
  /** The broker's priorities, the one that goes first at the front. */
  readonly levels: readonly number[];
  /** As of a queue adapter. */
  readonly hasSaidAway?: boolean;
  /** Connects, and stays connected until `close`. Throws `queue_unavailable` within three seconds. */
  open(): Promise<void>;
  /** All of them are with the broker when it resolves. Throws `queue_unavailable` within three seconds, and may be called again. */
  publish(messages: readonly PlacedMessage[]): Promise<void>;
  /** One line for people. Throws `queue_unavailable` within a second. */
  describe(): Promise<string>;
  close(): Promise<void>;
}
