import { defineConfig } from 'vitest/config'
import { LongestFirst } from '../longest-first.js'

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
