/** `genkey`, `genpsk`, `pubkey`: keys come in and go out as base64 on a line, never as an argument. */
import { randomFillSync } from 'node:crypto'
import { fstatSync, readSync, writeSync } from 'node:fs'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { KEY_BYTES, decodeKey, encodeSecretKey, formatKey } from '@wireweave/tunnel/keys'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'

export function genkey(): void {
  const key = randomFillSync(new Uint8Array(KEY_BYTES)) as PrivateKey
  // RFC 7748 §5, as wg does: so the text is the scalar that is used.
  key[0]! &= 248
  key[31] = (key[31]! & 127) | 64
  writeSecret(key)
}

export function genpsk(): void {
  writeSecret(randomFillSync(new Uint8Array(KEY_BYTES)) as PresharedKey)
}

export async function pubkey(): Promise<void> {
  const privateKey = decodeKey<PrivateKey>(readStdin().trimEnd())
  if (privateKey === null) {
    throw new WireGuardError(
      'CONFIG_INVALID',
      'standard input is not a private key: 44 characters of base64, as "wireweave genkey" prints',
    )
  }
  const { nodeSuite } = await import('@wireweave/crypto/node')
  const { publicKey } = nodeSuite.x25519.importPrivateKey(privateKey)
  privateKey.fill(0)
  process.stdout.write(`${formatKey(publicKey as PublicKey)}\n`)
}

function writeSecret(key: PrivateKey | PresharedKey): void {
  const out = fstatSync(1)
  if (out.isFile() && (out.mode & 0o007) !== 0) {
    process.stderr.write(
      'Warning: every user can read the file this key goes to. Run "umask 077" first, and write it anew.\n',
    )
  }
  const line = Buffer.from(`${encodeSecretKey(key, 'base64')}\n`, 'latin1')
  key.fill(0)
  writeSync(1, line)
  line.fill(0)
}

/** At most one key and some white space: whatever is longer is none. */
function readStdin(): string {
  const buffer = Buffer.alloc(256)
  let length = 0
  for (;;) {
    const got = readSync(0, buffer, length, buffer.length - length, null)
    length += got
    if (got === 0 || length === buffer.length) break
  }
  const text = buffer.toString('latin1', 0, length)
  buffer.fill(0)
  return text
}
