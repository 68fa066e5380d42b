/** What goes over an interface: IP packets, as tcpdump sees them. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { eventually } from './command.js'
import type { Background, Host } from './lab.js'

const FILE_HEADER_BYTES = 24
const RECORD_HEADER_BYTES = 16
const LINKTYPE_ETHERNET = 1
const ETHERNET_HEADER_BYTES = 14
const IPV6_HEADER_BYTES = 40
const UDP_HEADER_BYTES = 8

let next = 0

export class Capture implements AsyncDisposable {
  readonly #file: string
  readonly #process: Background

  private constructor(file: string, process: Background) {
    this.#file = file
    this.#process = process
  }

  /** `filter` in tcpdump's words. */
  static async open(host: Host, interfaceName: string, filter: string): Promise<Capture> {
    const name = `capture-${host.name}-${next++}`
    const file = path.join(host.lab.folder, `${name}.pcap`)
    // A packet takes 256 KiB of tcpdump's buffer, which has 2 MiB: a tcpdump that must wait would lose the ninth.
    const options = ['-Z', 'root', '-U', '--immediate-mode', '-B', '32768', '-Q', 'inout']
    const args = [...options, '-i', interfaceName, '-w', file, filter]
    const capture = new Capture(file, host.start(name, 'tcpdump', args))
    await eventually('tcpdump listens', () => capture.#process.output.includes('listening'), 30)
    return capture
  }

  /** What has been captured by now. */
  get packets(): Uint8Array[] {
    return existsSync(this.#file) ? readPackets(readFileSync(this.#file)) : []
  }

  /** The first `count` packets; waits for them. */
  async take(count: number): Promise<Uint8Array[]> {
    const enough = (): boolean => this.packets.length >= count
    await eventually(`${count} packets are captured`, enough, 20).catch((error: Error) => {
      throw new Error(`${error.message}, but ${this.packets.length}: ${this.#process.output}`, { cause: error })
    })
    return this.packets.slice(0, count)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop()
  }
}

function readPackets(file: Buffer): Uint8Array[] {
  const packets: Uint8Array[] = []
  if (file.length < FILE_HEADER_BYTES) return packets
  const skipped = file.readUInt32LE(20) === LINKTYPE_ETHERNET ? ETHERNET_HEADER_BYTES : 0
  for (let at = FILE_HEADER_BYTES; at + RECORD_HEADER_BYTES <= file.length;) {
    const start = at + RECORD_HEADER_BYTES
    const end = start + file.readUInt32LE(at + 8)
    if (end > file.length) break
    packets.push(file.subarray(start + skipped, end))
    at = end
  }
  return packets
}

/** DSCP and ECN. */
export function trafficClass(packet: Uint8Array): number {
  return isV4(packet) ? packet[1]! : ((packet[0]! & 15) << 4) | (packet[1]! >>> 4)
}

/** Of a UDP datagram in an IP packet. */
export function udpPayload(packet: Uint8Array): Uint8Array {
  return packet.subarray((isV4(packet) ? (packet[0]! & 15) * 4 : IPV6_HEADER_BYTES) + UDP_HEADER_BYTES)
}

function isV4(packet: Uint8Array): boolean {
  return packet[0]! >>> 4 === 4
}
