import { BaseSequencer } from 'vitest/node'
import type { TestSpecification } from 'vitest/node'

/** Begins with the test that waits for two minutes, so that the others run meanwhile. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): number => Number(moduleId.endsWith('/rekey.test.ts'))
    return files.toSorted((a, b) => isLong(b) - isLong(a))
  }
}
