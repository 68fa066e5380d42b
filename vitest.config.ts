import { defineConfig } from 'vitest/config'

/** Packages are tested from their sources: the condition below points each export at `src`. */
const source = '@wireweave/source'

export default defineConfig({
  resolve: { conditions: [source] },
  ssr: { resolve: { conditions: [source], externalConditions: [source] } },
  test: {
    include: ['{packages,apps}/*/test/**/*.test.ts'],
    // `npm run test:windows` runs these.
    exclude: ['**/test/windows/**', '**/node_modules/**'],
    // Vitest leaves a processor to the person at the keyboard, of two that is half.
    maxWorkers: '100%',
    // What a test waits for comes at once on an idle machine; on one that others use it comes, too.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    reporters: ['default'],
  },
})
