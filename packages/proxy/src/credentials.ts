/** Names and passwords, compared without telling by the time how much of them was right. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

export interface Credentials {
  readonly username: string
  readonly password: string
}

/** Digests under a key of this process: of equal length, and of no use to whoever reads its memory later. */
const key = randomBytes(32)
const digest = (bytes: Uint8Array): Buffer => createHmac('sha256', key).update(bytes).digest()

/** Both are compared, whatever the first one gives. */
export function isRight(wanted: Credentials, username: Uint8Array, password: Uint8Array): boolean {
  const nameIs = timingSafeEqual(digest(Buffer.from(wanted.username)), digest(username))
  const passwordIs = timingSafeEqual(digest(Buffer.from(wanted.password)), digest(password))
  return nameIs && passwordIs
}

/** Of `Proxy-Authorization: Basic …` (RFC 7617). */
export function isRightHeader(wanted: Credentials, header: string | undefined): boolean {
  const match = /^basic +([a-z0-9+/]+={0,2}) *$/i.exec(header ?? '')
  if (match === null) return false
  const decoded = Buffer.from(match[1]!, 'base64')
  const colon = decoded.indexOf(0x3a)
  return colon >= 0 && isRight(wanted, decoded.subarray(0, colon), decoded.subarray(colon + 1))
}
