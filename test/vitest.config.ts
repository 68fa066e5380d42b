import { defineConfig } from 'vitest/config'

/** Tests of what is shipped: they need the packages built. */
export default defineConfig({
  test: { include: ['test/**/*.test.ts'], testTimeout: 240_000, hookTimeout: 240_000, fileParallelism: false },
})
