import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { hideFile, mayAllRead } from '../../src/win32/private-file.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'private-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('a file that all may read is one no more once it is hidden, and its owner still reads it', () => {
  const file = path.join(folder, 'wg0.conf')
  writeFileSync(file, 'secret')
  expect(mayAllRead(file)).toBe(true)
  expect(hideFile(file)).toBe(0)
  expect(mayAllRead(file)).toBe(false)
  expect(readFileSync(file, 'utf8')).toBe('secret')
})

test('what is not there is not readable, and cannot be hidden', () => {
  const file = path.join(folder, 'none.conf')
  expect(mayAllRead(file)).toBe(false)
  expect(hideFile(file)).toBe(2)
})
