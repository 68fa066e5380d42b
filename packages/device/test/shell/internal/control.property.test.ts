import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  IP_PKTINFO,
  IP_TOS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_UDP,
  IPV6_PKTINFO,
  IPV6_TCLASS,
  UDP_GRO,
} from '@wireweave/ffi/linux'
import { ENDPOINT_BYTES, ENDPOINT_LOCAL, ENDPOINT_LOCAL_INDEX } from '../../../src/core/endpoint.js'
import {
  hasSource,
  putSegment,
  putSource,
  putTrafficClass,
  readControl,
  RECEIVE_CONTROL_BYTES,
  SEND_CONTROL_BYTES,
} from '../../../src/shell/internal/linux/control.js'

const found = () => ({ segment: -1, trafficClass: -1 })

describe('control messages', () => {
  test('of any bytes are read without leaving them, and always come to an end', () => {
    const header = fc.tuple(
      fc.constantFrom(0, 1, 16, 17, 20, 28, 36, 40, 127, 128, 0xffff_ffff),
      fc.constantFrom(IPPROTO_IP, IPPROTO_IPV6, IPPROTO_UDP, 99),
      fc.constantFrom(IP_TOS, IP_PKTINFO, IPV6_PKTINFO, IPV6_TCLASS, UDP_GRO, 0),
    )
    const property = fc.property(
      fc.array(header, { maxLength: 8 }),
      fc.array(fc.nat(), { minLength: 32, maxLength: 32 }),
      fc.integer({ min: 0, max: RECEIVE_CONTROL_BYTES }),
      (headers, noise, bytes) => {
        const words = Uint32Array.from([...noise, ...Array.from({ length: 16 }, () => 0x5a5a5a5a)])
        let at = 0
        for (const [length, level, type] of headers) {
          if (at + 4 > 32) break
          words.set([length, 0, level, type], at)
          at += Math.max(4, ((length + 7) & ~7) >>> 2)
        }
        const table = new Uint8Array(3 * ENDPOINT_BYTES)
        const result = found()
        readControl(words, 0, bytes, table, ENDPOINT_BYTES, result)
        expect(result.trafficClass).toBeLessThan(256)
        // Only the local part of this very record is written.
        const outside = [
          ...table.subarray(0, ENDPOINT_BYTES + ENDPOINT_LOCAL),
          ...table.subarray(ENDPOINT_BYTES + ENDPOINT_LOCAL_INDEX + 4),
        ]
        expect(outside.every((byte) => byte === 0)).toBe(true)
      },
    )
    fc.assert(property, { numRuns: 2000 })
  })

  test('that we write fit their place, and say what they should', () => {
    const property = fc.property(
      fc.constantFrom(4, 6),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.integer({ min: 1, max: 65_507 }),
      fc.integer({ min: 1, max: 255 }),
      (family, address, segment, trafficClass) => {
        const words = new Uint32Array(SEND_CONTROL_BYTES / 4)
        const table = new Uint8Array(ENDPOINT_BYTES)
        table.set(family === 4 ? address.subarray(0, 4) : address, ENDPOINT_LOCAL)
        expect(hasSource(table, 0)).toBe(table.some((byte) => byte !== 0))
        let end = putSegment(words, 0, segment)
        end = putSource(words, end, family as 4 | 6, table, 0)
        end = putTrafficClass(words, end, family as 4 | 6, trafficClass)
        expect(end * 4).toBeLessThanOrEqual(SEND_CONTROL_BYTES)
        const copy = new Uint8Array(ENDPOINT_BYTES)
        const result = found()
        readControl(words, 0, end * 4, copy, 0, result)
        expect(result.trafficClass).toBe(trafficClass)
        expect(words[4]).toBe(segment)
        expect([...copy.subarray(0, ENDPOINT_LOCAL_INDEX)]).toEqual([...table.subarray(0, ENDPOINT_LOCAL_INDEX)])
      },
    )
    fc.assert(property)
  })
})
