/** What a handshake needs beside the AEAD: BLAKE2s and X25519, over a small memory of their own. */
import { INPUT, WORK, WORK_BYTES } from './layout'

export { blake2sAbsorb, blake2sBegin, blake2sFinish } from './blake2s'
export { x25519 } from './x25519'

/** Wipes the working memory of BLAKE2s and `length` bytes of input. */
export function wipe(length: u32): void {
  memory.fill(WORK, 0, WORK_BYTES)
  memory.fill(INPUT, 0, length)
}
