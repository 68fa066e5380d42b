import type { Run } from './program.js'

/** What is so now. */
export const run: { now: Run } = { now: { args: [] } }
