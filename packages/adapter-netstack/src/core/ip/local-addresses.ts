/** The addresses of a stack, and which of them speaks to whom. */
import { sameBytes } from '../bytes.js'
import type { NetworkErrorCode } from '../tcp/connection.js'
import { isUnicast } from './address.js'

export class LocalAddresses {
  /** 4 or 16 bytes each. */
  list: readonly Uint8Array[]

  constructor(list: readonly Uint8Array[]) {
    this.list = list
  }

  has(bytes: Uint8Array, at: number, length: number): boolean {
    for (const address of this.list) {
      if (address.length === length && sameBytes(bytes, at, address, 0, length)) return true
    }
    return false
  }

  /** The address to send from: `wanted`, else that with the longest prefix in common (RFC 6724 §5 rule 8). */
  sourceFor(remote: Uint8Array, wanted: Uint8Array | null): Uint8Array | NetworkErrorCode {
    if (!isUnicast(remote, 0, remote.length)) return 'ENETUNREACH'
    // There is no loopback: what goes to ourselves would come back from nowhere.
    if (this.has(remote, 0, remote.length)) return 'EHOSTUNREACH'
    if (wanted !== null) {
      return wanted.length === remote.length && this.has(wanted, 0, wanted.length) ? wanted : 'EADDRNOTAVAIL'
    }
    let best: Uint8Array | null = null
    let bestBits = -1
    for (const address of this.list) {
      if (address.length !== remote.length) continue
      const bits = commonBits(address, remote)
      if (bits > bestBits) {
        best = address
        bestBits = bits
      }
    }
    return best ?? 'ENETUNREACH'
  }
}

function commonBits(a: Uint8Array, b: Uint8Array): number {
  let i = 0
  while (i < a.length && a[i] === b[i]) i++
  return i * 8 + (i < a.length ? Math.clz32(a[i]! ^ b[i]!) - 24 : 0)
}
