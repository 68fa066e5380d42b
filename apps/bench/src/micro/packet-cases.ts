/** What happens to a packet besides the cipher: routing, replay, cutting and joining. */
import { Offload, offloadBytes } from '@wireweave/adapter-linux-tun/offload'
import { AllowedIps } from '@wireweave/device/core/allowed-ips'
import { ReplayFilter } from '@wireweave/noise/replay'
import type { Case } from './case.js'

const LOOKUPS = 1024

function trie(peers: number, family: 4 | 6): Case {
  return {
    name: `allowed IPs, IPv${family} lookup, ${peers} ${peers === 1 ? 'peer' : 'peers'}`,
    times: LOOKUPS,
    prepare() {
      const table = new AllowedIps()
      const width = family === 4 ? 4 : 16
      for (let peer = 0; peer < peers; peer++) table.insert(addressOf(peer, width) as never, width * 8, peer)
      const addresses = new Uint8Array(LOOKUPS * width)
      // A stride that visits peers far from each other, as traffic of many peers does.
      for (let i = 0; i < LOOKUPS; i++) addresses.set(addressOf((i * 7919) % peers, width), i * width)
      return () => {
        let found = 0
        for (let at = 0; at < addresses.length; at += width)
          found += family === 4 ? table.lookup4(addresses, at) : table.lookup6(addresses, at)
        return found
      }
    },
  }
}

/** `10.x.y.z`, or `fd00::x:y:z`. */
function addressOf(peer: number, width: number): Uint8Array {
  const address = new Uint8Array(width)
  address[0] = width === 4 ? 10 : 0xfd
  address.set([peer >>> 16, (peer >>> 8) & 255, peer & 255], width - 3)
  return address
}

function replay(name: string, counterOf: (i: number) => number): Case {
  const COUNTERS = 4096
  return {
    name: `replay window, ${name}`,
    times: COUNTERS,
    prepare() {
      let base = 0
      const filter = new ReplayFilter()
      return () => {
        for (let i = 0; i < COUNTERS; i++) {
          const counter = base + counterOf(i)
          const [low, high] = [counter >>> 0, Math.floor(counter / 2 ** 32)]
          if (filter.check(low, high) === 0) filter.accept(low, high)
        }
        base += COUNTERS
      }
    },
  }
}

const MTU = 1420
/** IPv4, TCP and timestamps. */
const HEADERS = 52
const MSS = MTU - HEADERS
const SEGMENTS = 47

function offload(name: string, routines: 'wasm' | 'js', what: 'cut' | 'join' | 'apart' | 'sum'): Case {
  return {
    name: `${name}: ${routines}`,
    times: what === 'sum' ? 1 : SEGMENTS,
    prepare() {
      const region = { offset: 4096, length: offloadBytes(MTU) }
      const pages = Math.ceil((region.offset + region.length) / 65536)
      const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
      const arena = { memory, bytes: new Uint8Array(memory.buffer) }
      const made = new Offload(arena, region, routines, what !== 'apart')
      const length = writeLarge(arena.bytes, made.read)
      if (made.cut(length) !== SEGMENTS) throw new Error('not cut into its segments')
      if (what === 'cut') return () => made.cut(length)
      if (what === 'sum') return () => made.sum(made.batch.offsets[0]!, MTU)
      if (made.join() !== (what === 'join' ? 1 : SEGMENTS)) throw new Error('not joined as it should be')
      return () => made.join()
    },
  }
}

/** A packet as the kernel hands it over, with timestamps as TCP options. Returns its length. */
function writeLarge(bytes: Uint8Array, { header, packet }: { header: number; packet: number }): number {
  const length = HEADERS + SEGMENTS * MSS
  const view = new DataView(bytes.buffer)
  bytes.set([1, 1], header)
  view.setUint16(header + 2, HEADERS, true)
  view.setUint16(header + 4, MSS, true)
  view.setUint16(header + 6, 20, true)
  view.setUint16(header + 8, 16, true)
  bytes.set([0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], packet)
  view.setUint16(packet + 2, length)
  bytes.set([0x13, 0x88, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x80, 0x10, 1, 0, 0, 0, 0, 0, 1, 1, 8, 10], packet + 20)
  for (let i = HEADERS; i < length; i++) bytes[packet + i] = i * 7
  return length
}

export const packetCases: readonly Case[] = [
  ...([4, 6] as const).flatMap((family) => [1, 100, 10_000].map((peers) => trie(peers, family))),
  replay('in order', (i) => i),
  replay('swapped pairs', (i) => i ^ 1),
  replay('all replayed', () => 0),
  ...(['wasm', 'js'] as const).flatMap((routines) => [
    offload(`sum of ${MTU} B`, routines, 'sum'),
    offload('segmentation: cut a segment of 64 KiB of TCP', routines, 'cut'),
    offload('coalescing: check and join a segment of TCP', routines, 'join'),
    offload('coalescing: the same, joining switched off', routines, 'apart'),
  ]),
]
