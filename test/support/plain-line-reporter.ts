// Ends the output of a run with one plain line, `N passed, N failed`, for whoever reads it by program.
import { writeSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/** What failed outside of a test (a file that does not load, a stray rejection) counts as one failure each. */
export class PlainLineReporter implements Reporter {
  private passed = 0;
  private failed = 0;

  /** The line is written as the process ends: everything else has been said by then. */
  onInit(): void {
    process.once('exit', (code) => {
      if (code !== 0 && this.failed === 0) this.failed = 1;
      writeSync(process.stdout.fd, `${this.passed} passed, ${this.failed} failed\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const broken = modules.filter((module) => module.errors().length > 0);
    this.passed = tests.filter((test) => test.result().state === 'passed').length;
    this.failed =
      tests.filter((test) => test.result().state === 'failed').length + broken.length + unhandled.length;
  }
}
