// Under which name the wake-ups of a task are found in the logs of a queue and its workers. SQL has the same rule
// (treadle.correlation_id), for wake-ups that the database decides; a test compares them.

/** What every queue can carry, in headers too: 1 to 128 printable ASCII characters, no blanks. */
const TAG = /^correlation_id:([!-~]{1,128})$/;

/** The value of the first tag `correlation_id:<value>` that is fit, else `treadle-<task_id>`. */
export function correlationId(taskId: number, tags: readonly string[] = []): string {
  for (const tag of tags) {
    const value = TAG.exec(tag)?.[1];
    if (value !== undefined) return value;
  }
  return `treadle-${taskId}`;
}
