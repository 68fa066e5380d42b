import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { locateConf, readConfFile, writeConfFile } from '../src/conf-file.js'

const folder = mkdtempSync(path.join(tmpdir(), 'wireweave-conf-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('a name is a file of /etc/wireguard, a path is itself and names the interface', () => {
  expect(locateConf('wg0')).toEqual({ name: 'wg0', file: '/etc/wireguard/wg0.conf' })
  expect(locateConf('./a/home.conf')).toMatchObject({ name: 'home' })
  expect(locateConf('home.conf').file).toBe(path.resolve('home.conf'))
})

test('a name that cannot be an interface is refused, wherever it would lead', () => {
  for (const bad of ['', '..', 'a b', '../../etc/shadow', 'x'.repeat(16), 'wg0/', '/tmp/..conf', 'a\u0000.conf', 'ü']) {
    expect(() => locateConf(bad), bad).toThrow(/NAME|name/)
    expect(() => readConfFile({ text: '', name: bad })).toThrow(/an interface name has/)
  }
})

test('a file that is not there, or is another kind, is said', () => {
  expect(() => readConfFile(path.join(folder, 'none.conf'))).toThrow(/none\.conf does not exist\. Check the name/)
  mkdirSync(path.join(folder, 'folder.conf'))
  expect(() => readConfFile(path.join(folder, 'folder.conf'))).toThrow(/folder\.conf is a folder, not a file$/)
  rmdirSync(path.join(folder, 'folder.conf'))
})

test('writing replaces the file as a whole, for its owner only, and leaves no other', () => {
  const file = path.join(folder, 'wg0.conf')
  writeFileSync(file, 'old')
  chmodSync(file, 0o644)
  writeConfFile(file, 'new')
  expect(readFileSync(file, 'utf8')).toBe('new')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(() => writeConfFile(path.join(folder, 'no', 'wg0.conf'), '')).toThrow(/ENOENT/)
  expect(readdirSync(folder)).toEqual(['wg0.conf'])
})
