/**
 * The published attacks: Wycheproof's cases for X25519, ChaCha20-Poly1305 and XChaCha20-Poly1305. The files lie beside the
 * checkout, in ../shared/vectors; without them the tests are skipped, except under CI.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Suite } from '@wireweave/crypto/suite'
import type { Test } from '@wireweave/testkit/portable'
import type { Aead } from '../../src/internal/aead.js'
import { fromHex, toHex } from './bytes.js'

interface AeadCase {
  key: string
  iv: string
  aad: string
  msg: string
  ct: string
  tag: string
  result: 'valid' | 'invalid'
}

interface X25519Case {
  private: string
  public: string
  shared: string
}

/** How many cases the files hold: fewer would mean that a test proves less than it says. */
const CASES = { x25519: 518, chacha20_poly1305: 325, xchacha20_poly1305: 315 } as const

/** `aead` is the engine's ChaCha20-Poly1305 with a nonce of any 12 bytes, `null` where it has none of its own. */
export function wycheproofSuite(test: Test, suite: Suite, aead: Aead | null): void {
  const folder = findVectors()
  if (folder === null && !process.env['CI']) {
    test.skip('Wycheproof (1 158 cases): ../shared/vectors is not there', () => {})
    return
  }

  test(`X25519: ${CASES.x25519} cases of Wycheproof`, () => {
    for (const one of read<X25519Case>(folder, 'x25519')) {
      const privateKey = suite.x25519.importPrivateKey(fromHex(one.private))
      const secret = suite.x25519.deriveSharedSecret(privateKey, suite.x25519.importPublicKey(fromHex(one.public)))
      assert.equal(secret === null ? '0'.repeat(64) : toHex(secret), one.shared, label(one))
    }
  }, 120_000)

  if (aead !== null) {
    test(`ChaCha20-Poly1305: ${CASES.chacha20_poly1305} cases of Wycheproof`, () => {
      for (const one of read<AeadCase>(folder, 'chacha20_poly1305')) runCase(aead, one)
    })
  }

  test(`XChaCha20-Poly1305: ${CASES.xchacha20_poly1305} cases of Wycheproof`, () => {
    for (const one of read<AeadCase>(folder, 'xchacha20_poly1305'))
      runCase({ seal: suite.sealX, open: suite.openX }, one)
  })
}

function runCase(aead: Aead, one: AeadCase): void {
  const [key, nonce, ad] = [fromHex(one.key), fromHex(one.iv), fromHex(one.aad)]
  const [plaintext, sealed] = [fromHex(one.msg), fromHex(one.ct + one.tag)]
  if (hasFlag(one, 'InvalidNonceSize')) {
    assert.throws(() => aead.open(key, nonce, sealed, ad), RangeError, label(one))
    assert.throws(() => aead.seal(key, nonce, plaintext, ad), RangeError, label(one))
    return
  }
  const opened = aead.open(key, nonce, sealed, ad)
  assert.equal(opened === null ? null : toHex(opened), one.result === 'valid' ? one.msg : null, label(one))
  if (one.result === 'valid') assert.equal(toHex(aead.seal(key, nonce, plaintext, ad)), one.ct + one.tag, label(one))
}

function read<T>(folder: string | null, name: keyof typeof CASES): T[] {
  assert.notEqual(folder, null, '../shared/vectors is not there, and CI is set')
  const text = readFileSync(path.join(folder!, `wycheproof_${name}.json`), 'utf8')
  const cases = (JSON.parse(text) as { testGroups: { tests: T[] }[] }).testGroups.flatMap((group) => group.tests)
  assert.equal(cases.length, CASES[name])
  return cases
}

/** Beside the root of the repository, which is above this file or above the bundle it became part of. */
function findVectors(): string | null {
  let folder = path.dirname(fileURLToPath(import.meta.url))
  while (!existsSync(path.join(folder, 'turbo.json'))) {
    const parent = path.dirname(folder)
    if (parent === folder) return null
    folder = parent
  }
  const vectors = path.join(folder, '..', 'shared', 'vectors')
  return existsSync(vectors) ? vectors : null
}

function hasFlag(one: object, flag: string): boolean {
  return (one as { flags: string[] }).flags.includes(flag)
}

function label(one: object): string {
  const { tcId, comment } = one as { tcId: number; comment: string }
  return `case ${tcId}: ${comment}`
}
