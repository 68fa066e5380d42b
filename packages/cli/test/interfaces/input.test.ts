import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { readKeyFile, readText } from '../../src/internal/interfaces/input.js'
import { PeerNamesCache, readPeerNames } from '../../src/internal/interfaces/peer-names.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const KEY = 'dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo='

function fileWith(text: string): string {
  const file = path.join(temporaryFolder(), 'file')
  writeFileSync(file, text)
  return file
}

test.each([KEY, `${KEY}\n`, `${KEY} \r\n\n`])('a key file may end as it likes', (text) => {
  expect(Buffer.from(readKeyFile(fileWith(text), 'private-key')!).toString('base64')).toBe(KEY)
})

test('an empty key file, /dev/null and a key of zeros stand for no key', () => {
  expect(readKeyFile(fileWith(''), 'private-key')).toBeNull()
  expect(readKeyFile('/dev/null', 'preshared-key')).toBeNull()
  expect(readKeyFile(fileWith(`${'A'.repeat(43)}=`), 'private-key')).toBeNull()
})

test.each([
  [
    'AAAA',
    /^private-key: .*file holds no key\. It has to hold 44 characters of base64, as "wireweave genkey" prints\.$/,
  ],
  [`${KEY}x`, /holds no key/],
  ['x'.repeat(5000), /has more than 1024 bytes/],
])('what is no key is refused, and not repeated', (text, message) => {
  expect(() => readKeyFile(fileWith(text), 'private-key')).toThrow(message)
})

test('a file that cannot be read is named, with what to do', () => {
  const folder = temporaryFolder()
  mkdirSync(path.join(folder, 'sub'))
  expect(() => readText(path.join(folder, 'none.conf'))).toThrow(/none\.conf does not exist\. Check the path\.$/)
  expect(() => readText(path.join(folder, 'sub'))).toThrow(/sub is a folder\. Name a file in it\.$/)
})

test.each([KEY, Buffer.from(KEY, 'base64').toString('hex')])('a key in place of its file is not repeated', (key) => {
  expect(() => readKeyFile(key, 'private-key')).toThrow(/^what looks like a key, not a file, does not exist/)
})

test('a file without end is not read without end', () => {
  expect(() => readText('/dev/zero')).toThrow(/\/dev\/zero has more than \d+ bytes\. Is it the right file\?$/)
})

test('names of peers come from comments, and cannot write to the terminal', () => {
  const folder = temporaryFolder()
  const other = 'hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo='
  writeFileSync(
    path.join(folder, 'wg0.conf'),
    `[Peer]\n# Name = Ada's laptop\nPublicKey = ${KEY}\n[Peer]\n# friendly_name = a\u001B[2Jb\u202Ec\nPublicKey = ${other}\n`,
  )
  expect([...readPeerNames('wg0', folder)]).toEqual([
    [KEY, "Ada's laptop"],
    [other, 'a?[2Jb?c'],
  ])
  expect(readPeerNames('wg1', folder).size).toBe(0)
  expect(readPeerNames('../wg0', `${folder}/sub`).size).toBe(0)
})

test('names are read again when their file has changed, and only then', () => {
  const folder = temporaryFolder()
  const file = path.join(folder, 'wg0.conf')
  const cache = new PeerNamesCache()
  expect(cache.read('wg0', folder).size).toBe(0)
  writeFileSync(file, `[Peer]\n# Name = one\nPublicKey = ${KEY}\n`)
  const first = cache.read('wg0', folder)
  expect(first.get(KEY)).toBe('one')
  expect(cache.read('wg0', folder)).toBe(first)
  writeFileSync(file, `[Peer]\n# Name = another\nPublicKey = ${KEY}\n`)
  expect(cache.read('wg0', folder).get(KEY)).toBe('another')
})
