/** The identity of an adapter: with the same GUID Windows remembers its network profile and firewall category. */
import { createHash } from 'node:crypto'

const LABEL = 'Fixed WireGuard Windows GUID v1 jason@zx2c4.com'

/** The 16 bytes that programs embedding WireGuardNT derive from a tunnel's name, in the order of memory. */
export function fixedGuid(name: string): Uint8Array {
  const text = Buffer.from(name.normalize('NFC'))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(text.length)
  const digest = createHash('blake2s256').update(LABEL).update(length).update(text).digest()
  return new Uint8Array(digest.subarray(0, 16))
}
