import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** Tests that need root. They run the built packages, one file after the other: each has the machine for itself. */
export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['interop/test/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default'],
  },
})
