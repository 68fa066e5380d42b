/** The slow twin of the device's allowed-ips: a list, searched from end to end. */
import { maskPrefix, type IpAddress, type IpPrefix } from '@wireweave/tunnel/ip'

interface Entry {
  readonly prefix: IpPrefix
  readonly owner: number
}

export class SlowAllowedIps {
  #entries: Entry[] = []

  get size(): number {
    return this.#entries.length
  }

  lookup(address: IpAddress): number {
    let best: Entry | null = null
    for (const entry of this.#entries) {
      const { prefix } = entry
      if (prefix.address.length !== address.length) continue
      if (!same(maskPrefix(address, prefix.length), prefix)) continue
      if (best === null || prefix.length > best.prefix.length) best = entry
    }
    return best === null ? -1 : best.owner
  }

  insert(address: IpAddress, length: number, owner: number): void {
    const prefix = maskPrefix(address, length)
    this.#entries = this.#entries.filter((entry) => !same(entry.prefix, prefix))
    this.#entries.push({ prefix, owner })
  }

  remove(address: IpAddress, length: number, owner: number): boolean {
    const prefix = maskPrefix(address, length)
    const before = this.#entries.length
    this.#entries = this.#entries.filter((entry) => entry.owner !== owner || !same(entry.prefix, prefix))
    return this.#entries.length < before
  }

  removeAllOf(owner: number): void {
    this.#entries = this.#entries.filter((entry) => entry.owner !== owner)
  }

  prefixesOf(owner: number): IpPrefix[] {
    return this.#entries.filter((entry) => entry.owner === owner).map((entry) => entry.prefix)
  }
}

function same(a: IpPrefix, b: IpPrefix): boolean {
  return (
    a.length === b.length &&
    a.address.length === b.address.length &&
    a.address.every((byte, i) => byte === b.address[i])
  )
}
