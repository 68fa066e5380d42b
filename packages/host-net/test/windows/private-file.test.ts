import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DACL_SECURITY_INFORMATION, parseSddl } from '@wireweave/ffi/win32/security-descriptor'
import type { SecurityDescriptor } from '@wireweave/ffi/win32/security-descriptor'
import { systemDll } from '@wireweave/ffi/win32/system'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { haveAll, hideFile } from '../../src/win32/private-file.js'

const advapi32 = systemDll('advapi32.dll', {
  setSecurity: ['SetFileSecurityW', 'int32_t', ['str16', 'uint32_t', 'uintptr_t']],
})
let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'private-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('a file that all may read is one no more once it is hidden, and its owner still reads it', () => {
  const file = path.join(folder, 'wg0.conf')
  writeFileSync(file, 'secret')
  expect(haveAll('read', file)).toBe(true)
  expect(hideFile(file)).toBe(0)
  expect(haveAll('read', file)).toBe(false)
  expect(readFileSync(file, 'utf8')).toBe('secret')
})

test('a file that all may write to is told from one that they may read', () => {
  const file = path.join(folder, 'hooks.conf')
  writeFileSync(file, '')
  expect([haveAll('read', file), haveAll('change', file)]).toEqual([true, false])
  const everybody = parseSddl('D:P(A;;FA;;;WD)') as SecurityDescriptor
  expect(advapi32.call.setSecurity(file, DACL_SECURITY_INFORMATION, everybody.address)).not.toBe(0)
  everybody.free()
  expect(haveAll('change', file)).toBe(true)
})

test('what is not there is not readable, and cannot be hidden', () => {
  const file = path.join(folder, 'none.conf')
  expect(haveAll('read', file)).toBe(false)
  expect(hideFile(file)).toBe(2)
})
