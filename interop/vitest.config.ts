import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const MEASURES = ['bench', 'endpoints', 'rekey'].map((name) => `interop/test/${name}.test.ts`)

/**
 * Tests that need root. They run the built packages, two files at a time, which wait as much as they work; but what
 * measures, or waits for what time does, has the machine for itself in the end.
 */
export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    maxWorkers: 2,
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
          exclude: MEASURES,
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: 'alone', include: MEASURES, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
})
