// What the server promises to and demands of every connection. Each is set on purpose: the defaults of gRPC are made for
// short calls, and a worker keeps one stream for its whole life.
import type { ServerOptions } from '@grpc/grpc-js';

/** Bytes of one message: four times the results that one step may have, so that outcomes can be sent together. */
export const DEFAULT_MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

export function channelOptions(maxMessageBytes: number): ServerOptions {
  return {
    // a message is held in memory as a whole, so its size is bounded before it is read
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    // a peer that vanished without a word (a cable, a frozen machine) is found within 50 s, also under idle watches;
    // workers are found sooner, by their heartbeats
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 20_000,
    // (pings of clients are welcome at any rate, also without calls: grpc-js punishes none, so nothing is set for them)
    // one connection carries a worker, or a process full of clients with a watch for each of its tasks; not a flood
    'grpc.max_concurrent_streams': 2_000,
  };
}
