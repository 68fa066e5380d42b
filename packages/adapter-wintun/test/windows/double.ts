/** The stand-in for wintun.dll, and a port over it. */
import { bind } from '@wireweave/ffi/library'
import { createBatch, type PacketBatch, type PacketPort, type PacketPortOptions } from '@wireweave/tunnel/packets'
import { expect } from 'vitest'
import { native } from '../../../ffi/test/windows/native.js'
import { wintunAdapter, type WintunOptions, type WintunPort } from '../../src/adapter.js'

export const DLL: string = native('wintun-double.dll')
export const IP_HELPER: string = native('iphlp-double.dll')

const TABLE = {
  violations: ['DblViolations', 'uint32_t', []],
  violationText: ['DblViolationText', 'void', ['uint32_t', 'void *', 'uint32_t']],
  rule: ['DblRule', 'void', ['str']],
  reset: ['DblReset', 'void', []],
  live: ['DblLive', 'uint32_t', []],
  choose: ['DblChoose', 'int', ['str16']],
  has: ['DblHas', 'int', ['str16']],
  inject: ['DblInject', 'int', ['void *', 'uint32_t', 'int']],
  burst: ['DblBurst', 'uint32_t', ['uint32_t', 'uint32_t', 'uint64_t']],
  stream: ['DblStream', 'int', ['uint64_t', 'uint32_t']],
  streaming: ['DblStreaming', 'int', []],
  stopStream: ['DblStopStream', 'void', []],
  signal: ['DblSignal', 'void', []],
  poison: ['DblPoison', 'void', []],
  corrupt: ['DblCorrupt', 'void', []],
  take: ['DblTake', 'uint32_t', ['void *', 'uint32_t']],
  hold: ['DblHold', 'void', ['int']],
  discard: ['DblDiscard', 'void', ['int']],
  sent: ['DblSent', 'uint64_t', []],
  outOfOrder: ['DblOutOfOrder', 'uint64_t', []],
  junk: ['DblJunk', 'uint64_t', []],
  leaks: ['DblLeaks', 'uint32_t', []],
  creates: ['DblCreates', 'uint32_t', []],
} as const

export const double = bind(DLL, TABLE)
const ipDouble = bind(IP_HELPER, { rule: ['DblRule', 'void', ['str']], reset: ['DblReset', 'void', []] })
export const ipRule: (rule: string) => void = ipDouble.rule

export const OPTIONS: WintunOptions = { dll: DLL, allowUnsigned: true, ipHelper: IP_HELPER, pauseMs: 20 }

let counter = 0

export function freshName(): string {
  return `wwt${process.pid}x${counter++}`
}

export function portOptions(name: string = freshName()): PacketPortOptions {
  const bytes = new Uint8Array(4 << 20)
  return { name, arena: { bytes, memory: null }, region: { offset: 0, length: 1 << 20 } }
}

export async function openPort(options: WintunOptions = {}, name?: string): Promise<WintunPort> {
  return wintunAdapter({ ...OPTIONS, ...options }).openPackets(portOptions(name))
}

/** Of everything that the stand-in saw done wrong. */
export function violations(): string[] {
  const text = new Uint8Array(256)
  return Array.from({ length: double.violations() }, (_, i) => {
    double.violationText(i, text, text.length)
    return new TextDecoder().decode(text.subarray(0, text.indexOf(0)))
  })
}

/** For the end of each test: nothing was done wrong, and nothing is alive. */
export function expectClean(): void {
  expect(violations()).toEqual([])
  expect(double.live()).toBe(0)
  expect(double.leaks()).toBe(0)
}

export function cleanUp(): void {
  double.stopStream()
  double.hold(0)
  double.discard(0)
  while (take() !== null);
  double.reset()
  ipDouble.reset()
}

/** The next packet the system got. */
export function take(): Uint8Array | null {
  const bytes = new Uint8Array(65536)
  const length = double.take(bytes, bytes.length)
  return length === 0 ? null : bytes.slice(0, length)
}

export function batchFor(port: PacketPort, bytes: Uint8Array): PacketBatch {
  return createBatch({ bytes, memory: null }, port.batchSize)
}

/** IPv4, protocol 253, numbered as the stand-in numbers its own. */
export function numbered(sequence: number, size = 100): Uint8Array {
  const packet = new Uint8Array(size)
  packet.set([0x45, 0, size >> 8, size & 0xff, 0, 0, 0, 0, 64, 253, 0, 0, 10, 66, 0, 2, 10, 66, 0, 1])
  new DataView(packet.buffer).setUint32(20, sequence, true)
  return packet
}

export async function until(condition: () => boolean, ms = 60_000): Promise<void> {
  for (const end = performance.now() + ms; !condition();) {
    if (performance.now() > end) throw new Error(`still not so after ${ms} ms: ${condition.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
