/**
 * Tests that other runtimes can run. `packages/<name>/test/portable.ts` has one default export, a function of this
 * `Test`; scripts/portable.mjs finds it and runs it under Node, Bun and Deno over the built packages. It imports packages by
 * name and asserts with node:assert; vitest and what only Node has stay out of it.
 */

/** What a suite needs of its runner. The `test` of vitest fits. */
export interface Test {
  /** The body fails by throwing. `timeoutMs` is for a runner that has a limit of its own. */
  (name: string, body: () => void | Promise<void>, timeoutMs?: number): void
  /** Counts as skipped; the name says what is missing. */
  skip(name: string, body: () => void): void
}
