/** Echo requests (RFC 792, RFC 4443 §4.1). */
import { parseIp } from '@wireweave/tunnel/ip'
import type { Host } from '../host.js'
import { abortError, networkError } from './errors.js'

export interface PingOptions {
  /** Bytes of data. @default 56 */
  readonly bytes?: number
  /** Milliseconds to wait for the answer. @default 5000 */
  readonly timeout?: number
  readonly signal?: AbortSignal
}

/** Milliseconds until the answer came. Rejects with `ETIMEDOUT`, or with what ICMP said. */
export function pingAddress(host: Host, address: string, options: PingOptions): Promise<number> {
  const { bytes = 56, timeout = 5000, signal } = options
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(abortError(signal))
    if (!host.isUp) return reject(networkError('ENETDOWN', 'ping', address))
    const start = host.now()
    const id = host.stack.sendEcho(parseIp(address)!, bytes, {
      onReply: () => end(() => resolve(host.now() - start)),
      onError: (code) => end(() => reject(networkError(code, 'ping', address))),
    })
    if (typeof id === 'string') return reject(networkError(id, 'ping', address))
    const timer = setTimeout(() => end(() => reject(networkError('ETIMEDOUT', 'ping', address))), timeout)
    const onAbort = (): void => end(() => reject(abortError(signal!)))
    const forget = host.onDown(() => end(() => reject(networkError('ENETDOWN', 'ping', address))))
    signal?.addEventListener('abort', onAbort, { once: true })
    const end = (settle: () => void): void => {
      clearTimeout(timer)
      forget()
      signal?.removeEventListener('abort', onAbort)
      host.stack.endEcho(id)
      settle()
    }
  })
}
