// A worker that speaks the protocol word by word, for tests of the server: it says what it is told to and keeps all that it
// hears. Workers as users run them are those of bindings/python and bindings/ruby.
import { credentials, Metadata, status, type ChannelCredentials, type StatusObject } from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';
import {
  WorkerServiceClient,
  type Assignment,
  type Failed,
  type Outcome,
  type Register,
  type Registered,
  type WorkRequest,
  type WorkResponse,
} from '../../proto/gen/treadle/v1/worker.ts';

export type Said = NonNullable<WorkRequest['message']>;
type Heard = NonNullable<WorkResponse['message']>;
type HeardAs<Case extends Heard['$case']> = Extract<Heard, { $case: Case }>['value'];

export interface GrpcWorkerOptions {
  readonly address: string;
  readonly token?: string;
  readonly credentials?: ChannelCredentials;
}

export interface Ending {
  readonly code: keyof typeof status;
  readonly details: string;
}

export class GrpcWorker {
  readonly heard: Heard[] = [];
  /** How the stream ended. */
  readonly ended: Promise<Ending>;
  readonly #client: WorkerServiceClient;
  readonly #call: ReturnType<WorkerServiceClient['work']>;
  #waiting: (() => void)[] = [];

  constructor({ address, token, credentials: channel = credentials.createInsecure() }: GrpcWorkerOptions) {
    this.#client = new WorkerServiceClient(address, channel, { 'grpc.max_receive_message_length': -1 });
    const metadata = new Metadata();
    if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
    this.#call = this.#client.work(metadata);
    this.#call.on('data', ({ message }: WorkResponse) => this.#hear(message));
    this.#call.on('error', () => {}); // the status says it
    this.ended = new Promise((resolve) => {
      this.#call.on('status', ({ code, details }: StatusObject) => {
        resolve({ code: status[code] as keyof typeof status, details });
        this.#tell();
      });
    });
  }

  say(message: Said): void {
    this.#call.write({ message });
  }

  async register(register: Partial<Register> & Pick<Register, 'handlers'>): Promise<Registered> {
    this.say({ $case: 'register', value: { ...ANYBODY, ...register } });
    const first = await this.hears((message) => message.$case === 'registered');
    return first.value as Registered;
  }

  grant(additional: number): void {
    this.say({ $case: 'credits', value: { additional } });
  }

  /** Resolves with the first message that is such, also when it has been heard before. */
  async hears(isSuch: (message: Heard) => boolean): Promise<Heard> {
    let ending: Ending | undefined;
    void this.ended.then((end) => (ending = end));
    for (;;) {
      const found = this.heard.find(isSuch);
      if (found) return found;
      if (ending) throw new Error(`the stream ended with ${ending.code}: ${ending.details}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  all<Case extends Heard['$case']>(kind: Case): HeardAs<Case>[] {
    return this.heard.flatMap((message) => (message.$case === kind ? [message.value as HeardAs<Case>] : []));
  }

  get assignments(): Assignment[] {
    return this.all('assignments').flatMap(({ assignments }) => assignments);
  }

  /** Resolves when so many have come in all. */
  async assigned(count: number): Promise<Assignment[]> {
    await this.hears(() => this.assignments.length >= count);
    return this.assignments;
  }

  answer(claim_token: string, result: Outcome['result'], additional_credits = 0): void {
    const outcomes = [{ claim_token, result, duration_us: 1 }];
    this.say({ $case: 'outcomes', value: { outcomes, additional_credits } });
  }

  complete({ claim_token }: Pick<Assignment, 'claim_token'>, results_json = '{}', credits = 0): void {
    this.answer(claim_token, { $case: 'completed', value: { results_json } }, credits);
  }

  fail({ claim_token }: Pick<Assignment, 'claim_token'>, failed: Partial<Failed>): void {
    this.answer(claim_token, { $case: 'failed', value: { ...A_FAILURE, ...failed } });
  }

  /** Answers every step as soon as it comes, and takes another one for it. */
  work(resultsOf: (assignment: Assignment) => string = () => '{}'): void {
    this.#call.on('data', ({ message }: WorkResponse) => {
      if (message?.$case !== 'assignments') return;
      for (const assignment of message.value.assignments) this.complete(assignment, resultsOf(assignment), 1);
    });
  }

  /** Nothing more is said. */
  halfClose(): void {
    this.#call.end();
  }

  /** As a process that dies. */
  break(): void {
    this.#call.cancel();
  }

  close(): void {
    this.#call.cancel();
    this.#client.close();
  }

  #hear(message: Heard | undefined): void {
    if (message) this.heard.push(message);
    this.#tell();
  }

  #tell(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const tell of waiting) tell();
  }
}

const ANYBODY: Register = {
  name: 'tester:1',
  handlers: [],
  language: 'typescript',
  language_version: '7',
  package_version: '0.1.0',
  capacity: 1,
  labels: {},
};

const A_FAILURE: Failed = {
  code: 1,
  error: 'it broke',
  error_class: 'ValueError',
  backtrace: '',
  retry_after_seconds: undefined,
  error_code: '',
  results_json: '',
};

/** A worker that is gone when the test ends. */
export function newGrpcWorker(options: GrpcWorkerOptions): GrpcWorker {
  const worker = new GrpcWorker(options);
  onTestFinished(() => worker.close());
  return worker;
}
