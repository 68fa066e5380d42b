import { defineConfig } from 'vitest/config'

/** Software emulation is about twenty times slower than the machine: limits are generous. */
export default defineConfig({
  test: {
    include: ['interop/kernel-vm/test/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    pool: 'threads',
  },
})
