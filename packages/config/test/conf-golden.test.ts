/** Bad files and the messages that a user needs to mend them. `UPDATE_GOLDEN=1` writes the messages anew: read them then. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { decodeKey } from '@wireweave/tunnel/keys'
import type { PublicKey } from '@wireweave/tunnel/keys'
import { expect, test } from 'vitest'
import { lintConf } from '../src/conf/lint.js'
import { formatProblem } from '../src/conf/problem.js'

const folder = path.join(import.meta.dirname, 'golden')
const files = readdirSync(folder).filter((file) => file.endsWith('.conf'))
const { own } = JSON.parse(readFileSync(path.join(folder, 'keys.json'), 'utf8')) as {
  own: { privateKey: string; publicKey: string }
}

test('there are a hundred of them', () => expect(files.length).toBeGreaterThanOrEqual(100))

test.each(files)('%s', (file) => {
  const text = readFileSync(path.join(folder, file), 'utf8')
  const options = {
    mode: file.includes('world-readable') ? 0o644 : 0o600,
    publicKeyOf: () => decodeKey<PublicKey>(own.publicKey)!,
  }
  const messages = lintConf(text, options).map((problem) => `${formatProblem(problem, 'wg0.conf')}\n`)
  const expected = path.join(folder, file.replace(/\.conf$/, '.txt'))
  if (process.env['UPDATE_GOLDEN']) writeFileSync(expected, messages.join(''))
  expect(messages.join('')).toBe(readFileSync(expected, 'utf8'))
  expect(messages).not.toEqual([])
  for (const key of keysIn(text)) for (const message of messages) expect(message).not.toContain(key)
})

/** Whatever in a text looks like a key: pieces of it must not come up in a message. */
function keysIn(text: string): string[] {
  return (text.match(/[A-Za-z0-9+/]{42,}/g) ?? []).flatMap((key) => [key.slice(0, 8), key.slice(-12, -4)])
}
