// The public door of the package. `treadle/grpc`, `treadle/http` and `treadle/testing` are more (exports in package.json), for what not
// every program loads.
export { Engine } from './engine/engine.ts';
export type { EngineHealth } from './engine/health.ts';
export type { EngineOptions, EngineStats, StopOptions, StopReport } from './engine/options.ts';
export type { OperatorOptions, PauseTarget, ResolveOptions } from './engine/operations.ts';
export type { Fleet } from './engine/fleet.ts';
export type { Schedules, ScheduleRequest, ShownSchedule } from './engine/schedules/schedules.ts';
export type { CreateOptions, TaskRequest } from './engine/task-requests.ts';
export type { QueueAdapter, QueueHealth, RunTask, TaskJob } from './engine/queue/adapter.ts';
export { GraphileWorkerQueue, type GraphileWorkerOptions } from './engine/queue/graphile-worker.ts';
export { InMemoryQueue } from './engine/queue/in-memory.ts';
export { queueOfUrl, railsQueueOfUrl } from './engine/queue/queue-of-url.ts';
export { HttpHandler } from './handlers/http.ts';
export { StepHandler } from './handlers/step-handler.ts';
export type { HandlerDeclaration, StepContext, TaskView } from './handlers/step-context.ts';
export type { StepTransaction } from './handlers/step-transaction.ts';
export type { StepView } from './handlers/step-view.ts';
export { defineTask, namedHandler, type TaskDefinition } from './core/template/builder.ts';
export { parseTemplate, type StepTemplate, type TaskTemplate } from './core/template/template.ts';
export { readTemplate } from './core/template/read.ts';
export { PermanentError, RetryableError, TreadleError, type ErrorCode } from './core/errors.ts';
export type { EventName, EventPayloads } from './core/events.ts';
export type { Json, JsonObject } from './core/json.ts';
export { parseRetryAfter } from './core/retry-after.ts';
export type { FailedOutcome, Outcome } from './core/outcome.ts';
export type { State } from './core/vocabulary.ts';
export type {
  CancelledTask,
  ChangedStep,
  Paused,
  ResolvedTask,
  Resumed,
  RetriedTask,
} from './sql/controls.ts';
export { Database, type DatabaseOptions, type Executor } from './sql/database.ts';
export type { BorrowedTransaction } from './sql/borrowed.ts';
export type { Choice, Chosen, FleetEngine, FleetMember } from './sql/fleet.ts';
export { migrate } from './sql/migrate.ts';
export { resolvePostgres, type PostgresOptions, type PostgresServer } from './sql/server/resolve.ts';
export type { ListedSchedule, ScheduledTask } from './sql/schedules.ts';
export type { CreatedTask } from './sql/tasks.ts';
