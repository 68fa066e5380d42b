import { chmodSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { findIdentity } from '../../src/internal/tunnels/identity.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const isRoot = process.getuid?.() === 0
const cwd = process.cwd()
afterEach(() => {
  process.chdir(cwd)
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

test.runIf(isRoot)('root is given up for a user that is not root, or not at all', () => {
  expect(() => findIdentity(null, '12345')).toThrow(/--group goes with --user/)
  for (const user of ['0', '00', 'root']) expect(() => findIdentity(user, null)).toThrow(/is root/)
  // "Leave it as it is", for setuid(2).
  expect(() => findIdentity('4294967295', '1')).toThrow(/no user/)
  expect(() => findIdentity('1000', '99999999999')).toThrow(/no group/)
  expect(findIdentity('1000', '12345')).toEqual({ uid: 1000, gid: 12345 })
})

test.runIf(isRoot)('no program of the current folder is run to find out', () => {
  const folder = temporaryFolder()
  const file = path.join(folder, 'id')
  writeFileSync(file, '#!/bin/sh\necho 4711\n')
  chmodSync(file, 0o755)
  process.chdir(folder)
  vi.stubEnv('PATH', `.:${process.env['PATH']}`)
  expect(() => findIdentity('no-such-user', null)).toThrow(/no user/)
})

test('only root has rights to give up', () => {
  vi.spyOn(process, 'getuid').mockReturnValue(1000)
  expect(() => findIdentity('nobody', null)).toThrow(/are for root/)
})
