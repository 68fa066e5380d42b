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
    testTimeout: 20_000,
    reporters: ['default'],
  },
})
