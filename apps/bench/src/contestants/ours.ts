/** What contestants whose tunnels we open from here have in common. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { nobleSuite } from '@wireweave/crypto/noble'

export interface KeyPair {
  /** In hexadecimal, both. */
  readonly privateKey: string
  readonly publicKey: string
}

export function keyPair(): KeyPair {
  const secret = randomBytes(32)
  const { publicKey } = nobleSuite.x25519.importPrivateKey(secret)
  return { privateKey: secret.toString('hex'), publicKey: Buffer.from(publicKey).toString('hex') }
}

/** Of one of our packages. */
export function versionOf(name: string): string {
  const file = fileURLToPath(import.meta.resolve(`${name}/package.json`))
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
