// The door `treadle/testing`: a handler run without an engine, and the cases that every queue adapter must pass.
export { runHandler, type RunHandlerOptions } from './handlers/testing.ts';
export {
  queueCases,
  type QueueCase,
  type QueueConsumer,
  type QueueFeatures,
  type QueueHarness,
  type QueueUnderTest,
} from './engine/queue/conformance.ts';
