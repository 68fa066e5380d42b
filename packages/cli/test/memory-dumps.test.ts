import { execFileSync } from 'node:child_process'
import { beforeAll, expect, test } from 'vitest'
import { buildPrograms, programPath } from './support/programs.js'

beforeAll(() => buildPrograms({ 'dumpable-program': 'test/support/dumpable-program.ts' }))

test.runIf(process.platform === 'linux')('a process can forbid that its memory is dumped', () => {
  expect(execFileSync(process.execPath, [programPath('dumpable-program')], { encoding: 'utf8' })).toBe('1 0\n')
})
