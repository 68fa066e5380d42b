import { parseIp } from '@wireweave/tunnel/ip'
import { expect, test } from 'vitest'
import { writeUnreachable } from '../../src/core/icmp.js'
import { headerChecksum, packet4, packet6 } from './harness.js'

const AT = 8
const TO = 4096

function answer(packet: Uint8Array): Uint8Array | null {
  const bytes = new Uint8Array(8192).fill(0xcc)
  bytes.set(packet, AT)
  const length = writeUnreachable(bytes, AT, packet.length, packet[0]! >>> 4 === 4 ? 4 : 6, TO)
  expect(bytes[TO + length]).toBe(0xcc)
  return length === 0 ? null : bytes.slice(TO, TO + length)
}

function sum(...parts: Uint8Array[]): number {
  let total = 0
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) total += (part[i]! << 8) | (part[i + 1] ?? 0)
  }
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
  return total
}

test('IPv4: host unreachable from the destination to the sender, quoting the packet', () => {
  const packet = packet4('10.0.0.1', '10.9.9.9', 101)
  const error = answer(packet)!
  expect(error).toHaveLength(20 + 8 + 101)
  expect(error[0]).toBe(0x45)
  expect((error[2]! << 8) | error[3]!).toBe(error.length)
  expect(error[9]).toBe(1)
  expect(error.subarray(12, 16)).toEqual(parseIp('10.9.9.9'))
  expect(error.subarray(16, 20)).toEqual(parseIp('10.0.0.1'))
  expect(headerChecksum(error)).toBe(0)
  expect([error[20], error[21]]).toEqual([3, 1])
  expect(sum(error.subarray(20))).toBe(0xffff)
  expect(error.subarray(28)).toEqual(packet)
})

test('IPv6: address unreachable, checksum over the pseudo-header', () => {
  const packet = packet6('fd00::1', 'fd00::99', 101)
  const error = answer(packet)!
  expect(error).toHaveLength(40 + 8 + 101)
  expect(error[6]).toBe(58)
  expect((error[4]! << 8) | error[5]!).toBe(8 + 101)
  expect(error.subarray(8, 24)).toEqual(parseIp('fd00::99'))
  expect(error.subarray(24, 40)).toEqual(parseIp('fd00::1'))
  expect([error[40], error[41]]).toEqual([1, 3])
  const pseudo = Uint8Array.of(0, 0, 0, 109, 0, 0, 0, 58)
  expect(sum(error.subarray(8, 40), pseudo, error.subarray(40))).toBe(0xffff)
  expect(error.subarray(48)).toEqual(packet)
})

test('a large packet is quoted in part: 576 bytes in all, or 1280', () => {
  const large4 = packet4('10.0.0.1', '10.9.9.9', 1420)
  expect(answer(large4)).toHaveLength(576)
  expect(answer(large4)!.subarray(28)).toEqual(large4.subarray(0, 548))
  expect(answer(packet6('fd00::1', 'fd00::99', 1420))).toHaveLength(1280)
})

test('IPv4: nothing is said to errors, multicast, broadcast, later fragments and senders that are no host', () => {
  const icmp = (type: number): Uint8Array => {
    const packet = packet4('10.0.0.1', '10.9.9.9', 60)
    packet[9] = 1
    packet[20] = type
    return packet
  }
  for (const type of [3, 4, 5, 11, 12, 200]) expect(answer(icmp(type))).toBe(null)
  for (const type of [0, 8, 13]) expect(answer(icmp(type))).not.toBe(null)
  const headerOnly = packet4('10.0.0.1', '10.9.9.9', 20)
  headerOnly[9] = 1
  expect(answer(headerOnly)).toBe(null)
  for (const destination of ['224.0.0.1', '239.255.255.250', '255.255.255.255']) {
    expect(answer(packet4('10.0.0.1', destination, 60))).toBe(null)
  }
  for (const source of ['0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255']) {
    expect(answer(packet4(source, '10.9.9.9', 60))).toBe(null)
  }
  const fragment = packet4('10.0.0.1', '10.9.9.9', 60)
  fragment[7] = 1
  expect(answer(fragment)).toBe(null)
  fragment[6] = 0x20
  fragment[7] = 0
  expect(answer(fragment)).not.toBe(null)
})

test('IPv6: nothing is said to errors, also behind extension headers, nor to multicast or the unspecified address', () => {
  const icmp = (type: number, ...extensions: number[][]): Uint8Array => {
    const packet = packet6('fd00::1', 'fd00::99', 100)
    const chain = [...extensions.map(([next]) => next!), 58]
    packet[6] = chain[0]!
    let at = 40
    extensions.forEach(([, ...body], i) => {
      packet.set([chain[i + 1]!, ...body], at)
      at += (body[0]! + 1) * 8
    })
    packet[at] = type
    return packet
  }
  for (const type of [1, 2, 3, 4, 100, 127, 137]) expect(answer(icmp(type))).toBe(null)
  for (const type of [128, 129, 135]) expect(answer(icmp(type))).not.toBe(null)
  expect(answer(icmp(1, [0, 0], [60, 1]))).toBe(null)
  expect(answer(icmp(128, [0, 0], [60, 1]))).not.toBe(null)
  expect(answer(icmp(128, [44, 0, 0, 1]))).not.toBe(null)
  expect(answer(icmp(128, [44, 0, 0, 8]))).toBe(null)
  expect(answer(icmp(128, [43, 255]))).toBe(null)
  expect(answer(packet6('fd00::1', 'ff02::1', 60))).toBe(null)
  expect(answer(packet6('ff02::1', 'fd00::99', 60))).toBe(null)
  expect(answer(packet6('::', 'fd00::99', 60))).toBe(null)
})
