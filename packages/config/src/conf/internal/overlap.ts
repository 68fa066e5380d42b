/** Which prefixes contain which, by sorting: n log n. */
import type { IpPrefix } from '@wireweave/tunnel/ip'

export interface OwnedPrefix {
  readonly prefix: IpPrefix
  readonly owner: number
}

export interface Overlap {
  readonly inner: OwnedPrefix
  /** The narrowest other prefix around `inner`; never all addresses, which everything overlaps. */
  readonly outer: OwnedPrefix
  readonly same: boolean
}

/** At most `limit` overlaps between different owners. Of two equal prefixes the later one of the list is `inner`. */
export function overlaps(prefixes: readonly OwnedPrefix[], limit: number): Overlap[] {
  const sorted = prefixes.map((entry, order) => ({ entry, order })).sort((left, right) => compare(left, right))
  const found: Overlap[] = []
  const around: OwnedPrefix[] = []
  for (const { entry } of sorted) {
    while (around.length > 0 && !contains(around.at(-1)!.prefix, entry.prefix)) around.pop()
    const outer = around.at(-1)
    if (outer !== undefined && outer.owner !== entry.owner && found.length < limit) {
      const same = outer.prefix.length === entry.prefix.length
      if (same || outer.prefix.length > 0) found.push({ inner: entry, outer, same })
    }
    around.push(entry)
  }
  return found
}

type Ordered = { readonly entry: OwnedPrefix; readonly order: number }

/** Families apart, then by address, wider before narrower, earlier before later. */
function compare(left: Ordered, right: Ordered): number {
  const a = left.entry.prefix
  const b = right.entry.prefix
  if (a.address.length !== b.address.length) return a.address.length - b.address.length
  for (let i = 0; i < a.address.length; i++) {
    if (a.address[i] !== b.address[i]) return a.address[i]! - b.address[i]!
  }
  return a.length - b.length || left.order - right.order
}

function contains(outer: IpPrefix, inner: IpPrefix): boolean {
  if (outer.address.length !== inner.address.length || outer.length > inner.length) return false
  for (let i = 0; i < outer.length; i += 8) {
    const mask = outer.length - i >= 8 ? 0xff : (0xff00 >>> (outer.length - i)) & 0xff
    if (((outer.address[i >> 3]! ^ inner.address[i >> 3]!) & mask) !== 0) return false
  }
  return true
}
