import { defineConfig } from 'vitest/config'

/** Tests of what is shipped: they need the packages built. */
export default defineConfig({
  test: { include: ['test/**/*.test.ts'], testTimeout: 600_000, hookTimeout: 600_000, fileParallelism: false },
})
