// The order of test files: those that take long begin first, so that no core is idle at the end of a run. vitest goes by the size of a
// file where it remembers no duration, as on CI, and suites that run for long are among the smallest: they only name what they run.
import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { LONG_FILES } from './long-files.ts';

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rest = await super.sort(files);
    const placeOf = ({ moduleId, project }: TestSpecification): number => {
      const place = LONG_FILES.indexOf(relative(project.config.root, moduleId).replaceAll('\\', '/'));
      return place === -1 ? LONG_FILES.length : place;
    };
    return rest.toSorted((left, right) => placeOf(left) - placeOf(right));
  }
}
