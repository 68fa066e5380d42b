import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { writeConfFile } from '../../src/conf-file.js'
import { isReadableByAll } from '../../src/private-file.js'

test('a configuration that is written anew can be read by its owner only, whatever it was and its folder is', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'wireweave-'))
  try {
    const file = path.join(folder, 'wg0.conf')
    writeFileSync(file, 'old')
    expect(isReadableByAll(file)).toBe(true)
    writeConfFile(file, 'new')
    expect([isReadableByAll(file), readFileSync(file, 'utf8')]).toEqual([false, 'new'])
    expect(isReadableByAll(path.join(folder, 'none.conf'))).toBe(false)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
