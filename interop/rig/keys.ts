/** Keys as `wg` makes them: what is tested must not also be what tests. */
import { execFileSync } from 'node:child_process'

export interface KeyPair {
  readonly privateKey: string
  readonly publicKey: string
}

export function generateKeyPair(): KeyPair {
  const privateKey = wg('genkey')
  return { privateKey, publicKey: wg('pubkey', privateKey) }
}

export function generatePresharedKey(): string {
  return wg('genpsk')
}

function wg(word: string, input = ''): string {
  return execFileSync('wg', [word], { input, encoding: 'utf8' }).trim()
}
