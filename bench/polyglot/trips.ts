// Round trips over one stream: so many in flight, counted and timed where they begin. What carries them, a bare stream or
// the worker protocol, is the caller's.
import { median, percentile, rounded } from '../measure.ts';
import { cpuMilliseconds } from '../cpu.ts';
import type { Subject } from './subjects.ts';

export const IN_FLIGHT = [1, 16, 64] as const;

/** Messages that go out and come back. */
export interface Carrier {
  /** Sends the next one, which is known by its number. */
  readonly send: (place: number) => void;
  /** Told of each that came back. */
  onBack: (place: number) => void;
}

export interface TripRun {
  readonly per_second: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** Of this process and of the other one, for each round trip. */
  readonly server_cpu_us: number;
  readonly client_cpu_us: number | undefined;
}

/** Sends `count` messages, never more than `inFlight` at once. */
export async function travel(
  carrier: Carrier,
  inFlight: number,
  count: number,
  subject: Pick<Subject, 'cpuMs' | 'died'>,
): Promise<TripRun> {
  const before = { server: cpuMilliseconds(), client: await subject.cpuMs() };
  const startedAt = performance.now();
  const times = await Promise.race([roundTrips(carrier, inFlight, count), subject.died]);
  const ms = performance.now() - startedAt;
  const after = { server: cpuMilliseconds(), client: await subject.cpuMs() };
  const clientMs = after.client === undefined ? undefined : after.client - (before.client ?? 0);
  return {
    per_second: (count * 1000) / ms,
    p50_ms: percentile(times, 0.5),
    p99_ms: percentile(times, 0.99),
    server_cpu_us: ((after.server - before.server) * 1000) / count,
    client_cpu_us: clientMs === undefined ? undefined : (clientMs * 1000) / count,
  };
}

function roundTrips(carrier: Carrier, inFlight: number, count: number): Promise<number[]> {
  const sentAt: number[] = [];
  const times: number[] = [];
  const send = (): void => carrier.send(sentAt.push(performance.now()) - 1);
  return new Promise((resolve) => {
    carrier.onBack = (place) => {
      times.push(performance.now() - (sentAt[place] ?? 0));
      if (sentAt.length < count) send();
      else if (times.length === count) resolve(times);
    };
    for (let sent = 0; sent < Math.min(inFlight, count); sent += 1) send();
  });
}

export interface TripRow {
  readonly language: string;
  readonly in_flight: number;
  readonly per_second: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly server_cpu_us: number;
  readonly client_cpu_us: number | null;
}

/** Medians over the runs. */
export function tripRow(language: string, inFlight: number, runs: readonly TripRun[]): TripRow {
  const of = (pick: (run: TripRun) => number): number => rounded(median(runs.map(pick)));
  const clients = runs.flatMap((run) => run.client_cpu_us ?? []);
  return {
    language,
    in_flight: inFlight,
    per_second: Math.round(median(runs.map((run) => run.per_second))),
    p50_ms: of((run) => run.p50_ms),
    p99_ms: of((run) => run.p99_ms),
    server_cpu_us: of((run) => run.server_cpu_us),
    client_cpu_us: clients.length > 0 ? rounded(median(clients)) : null,
  };
}
