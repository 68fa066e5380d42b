import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './longest-first.js'

const MEASURES = 'interop/test/bench.test.ts'

/**
 * Tests that need root. They run the built packages, three files at a time, which wait as much as they work; but what
 * compares measurements has the machine for itself in the end.
 */
export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 30_000 } },
    reporters: ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: ['interop/test/**/*.test.ts'],
          exclude: [MEASURES],
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: 'alone', include: [MEASURES], sequence: { groupOrder: 1 } } },
    ],
  },
})
