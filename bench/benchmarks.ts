// All benchmarks, in the order in which `npm run bench` runs them. A new one is a file that exports its `benchmark(...)`
// and a line here.
import { adoption } from './adoption.ts';
import type { Benchmark } from './benchmark.ts';
import { discovery } from './discovery.ts';
import { handler } from './handler.ts';
import { idle } from './idle.ts';
import { indexes } from './indexes.ts';
import { inflight } from './inflight.ts';
import { latency } from './latency.ts';
import { nativeMemory } from './native/memory.ts';
import { native } from './native.ts';
import { payloads } from './payloads.ts';
import { peers } from './peers/peers.ts';
import { polyglot } from './polyglot.ts';
import { processes } from './processes.ts';
import { queues } from './queues.ts';
import { rails } from './rails.ts';
import { recovery } from './recovery.ts';
import { soak } from './soak.ts';
import { sweep } from './sweep.ts';
import { throughput } from './throughput.ts';
import { waiting } from './waiting.ts';

export const BENCHMARKS: readonly Benchmark[] = [
  discovery,
  throughput,
  indexes,
  processes,
  waiting,
  inflight,
  payloads,
  latency,
  recovery,
  sweep,
  adoption,
  idle,
  handler,
  polyglot,
  native,
  nativeMemory,
  queues,
  rails,
  soak,
  peers,
];
