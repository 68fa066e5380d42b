/** Connections by addresses and ports. Hashed under a secret, so that nobody can aim at one bucket. */
import { get32, sameBytes } from '../bytes.js'
import { sipHash } from '../siphash.js'
import type { Connection } from './connection.js'

const scratch = new Int32Array(9)

/** A keyed hash of addresses (as they lie in `bytes`, `length` each) and ports. */
export function hashTuple(
  key: Int32Array,
  bytes: Uint8Array,
  localAt: number,
  other: Uint8Array,
  remoteAt: number,
  length: number,
  localPort: number,
  remotePort: number,
): number {
  let count = 0
  for (let i = 0; i < length; i += 4) {
    scratch[count++] = get32(bytes, localAt + i)
    scratch[count++] = get32(other, remoteAt + i)
  }
  scratch[count++] = (localPort << 16) | remotePort
  return sipHash(key, scratch, count)
}

export class ConnectionTable {
  readonly #key: Int32Array
  #buckets: (Connection | null)[] = new Array<Connection | null>(64).fill(null)
  size = 0
  /** Packets come in runs of one connection. */
  #latest: Connection | null = null

  constructor(key: Int32Array) {
    this.#key = key
  }

  /** The connection of a packet whose addresses lie in `bytes`. */
  find(
    bytes: Uint8Array,
    localAt: number,
    remoteAt: number,
    length: number,
    localPort: number,
    remotePort: number,
  ): Connection | null {
    const latest = this.#latest
    if (latest !== null && isOf(latest, bytes, localAt, remoteAt, length, localPort, remotePort)) return latest
    const hash = hashTuple(this.#key, bytes, localAt, bytes, remoteAt, length, localPort, remotePort)
    let connection: Connection | null = this.#buckets[hash & (this.#buckets.length - 1)]!
    while (connection !== null && !isOf(connection, bytes, localAt, remoteAt, length, localPort, remotePort)) {
      connection = connection.bucketNext
    }
    if (connection !== null) this.#latest = connection
    return connection
  }

  has(local: Uint8Array, localPort: number, remote: Uint8Array, remotePort: number): boolean {
    const hash = hashTuple(this.#key, local, 0, remote, 0, local.length, localPort, remotePort)
    let connection: Connection | null = this.#buckets[hash & (this.#buckets.length - 1)]!
    while (connection !== null) {
      const isPort = connection.localPort === localPort && connection.remotePort === remotePort
      const isSize = connection.local.length === local.length
      if (isPort && isSize && sameBytes(connection.local, 0, local, 0, local.length)) {
        if (sameBytes(connection.remote, 0, remote, 0, remote.length)) return true
      }
      connection = connection.bucketNext
    }
    return false
  }

  add(connection: Connection): void {
    const { local, remote, localPort, remotePort } = connection
    connection.hash = hashTuple(this.#key, local, 0, remote, 0, local.length, localPort, remotePort)
    if (this.size >= this.#buckets.length) this.#grow()
    this.#link(connection)
    this.size++
  }

  remove(connection: Connection): void {
    const bucket = connection.hash & (this.#buckets.length - 1)
    let other: Connection | null = this.#buckets[bucket]!
    if (other === connection) this.#buckets[bucket] = connection.bucketNext
    else {
      while (other !== null && other.bucketNext !== connection) other = other.bucketNext
      if (other === null) return
      other.bucketNext = connection.bucketNext
    }
    connection.bucketNext = null
    if (this.#latest === connection) this.#latest = null
    this.size--
  }

  /** A copy: calls that follow may remove connections. */
  all(): Connection[] {
    const all: Connection[] = []
    for (const first of this.#buckets) for (let c: Connection | null = first; c !== null; c = c.bucketNext) all.push(c)
    return all
  }

  #grow(): void {
    const all = this.all()
    this.#buckets = new Array<Connection | null>(this.#buckets.length * 2).fill(null)
    for (const connection of all) this.#link(connection)
  }

  #link(connection: Connection): void {
    const bucket = connection.hash & (this.#buckets.length - 1)
    connection.bucketNext = this.#buckets[bucket]!
    this.#buckets[bucket] = connection
  }
}

function isOf(
  connection: Connection,
  bytes: Uint8Array,
  localAt: number,
  remoteAt: number,
  length: number,
  localPort: number,
  remotePort: number,
): boolean {
  if (connection.localPort !== localPort || connection.remotePort !== remotePort) return false
  if (connection.local.length !== length) return false
  return (
    sameBytes(bytes, localAt, connection.local, 0, length) && sameBytes(bytes, remoteAt, connection.remote, 0, length)
  )
}
