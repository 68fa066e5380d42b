import { defineConfig } from 'vitest/config'
import { BaseSequencer } from 'vitest/node'
import type { TestSpecification } from 'vitest/node'

/** Begins with the test that waits for two minutes, so that the others run meanwhile. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): number => Number(moduleId.endsWith('/rekey.test.ts'))
    return files.toSorted((a, b) => isLong(b) - isLong(a))
  }
}

/** Software emulation is about twenty times slower than the machine: limits are generous. */
export default defineConfig({
  test: {
    include: ['interop/kernel-vm/test/**/*.test.ts'],
    testTimeout: 800_000,
    hookTimeout: 800_000,
    expect: { poll: { timeout: 60_000 } },
    globalSetup: 'interop/kernel-vm/without-module.ts',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    pool: 'threads',
    // Built as they are: to transform them again takes minutes of an emulated processor.
    server: { deps: { external: [/\/(packages|apps)\/(?!testkit)[^/]+\/dist\//] } },
  },
})
