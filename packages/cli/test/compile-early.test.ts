import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { canCompileEarly } from '../src/internal/compile-early.js'
import { buildPrograms, programPath } from './support/programs.js'

beforeAll(() => buildPrograms({ 'tiers-program': 'test/support/tiers-program.ts' }))

async function callsUntilCompiled(...args: string[]): Promise<number> {
  const run = promisify(execFile)
  const { stdout, stderr } = await run(process.execPath, [
    '--allow-natives-syntax',
    '--no-concurrent-recompilation',
    programPath('tiers-program'),
    ...args,
  ])
  // This Node knows every flag.
  expect(stderr).toBe('')
  return Number(stdout)
}

test.runIf(canCompileEarly())('the code of a tunnel is compiled after tens of calls, not thousands', async () => {
  const early = await callsUntilCompiled('early')
  expect(early).toBeGreaterThan(0)
  expect(await callsUntilCompiled()).toBeGreaterThan(2 * early)
})
