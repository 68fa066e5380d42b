import fc from 'fast-check'
import { SlowAllowedIps } from '@wireweave/testkit/slow/allowed-ips'
import { expect, test } from 'vitest'
import { AllowedIps } from '../../src/core/allowed-ips.js'
import { RouteCache } from '../../src/core/route-cache.js'

/** So many that the cache is used; more owners than the steps below have. */
const BACKGROUND = 100

const address = fc.tuple(fc.boolean(), fc.nat(3), fc.nat(255), fc.nat(3)).map(([v4, first, byte, last]) => {
  const result = new Uint8Array(v4 ? 4 : 16)
  result[0] = first
  result[result.length - 2] = byte
  result[result.length - 1] = last
  return result
})
const prefix = fc.tuple(address, fc.constantFrom(0, 1, 8, 24, 31, 32, 120, 128))
const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ tag: fc.constant('insert' as const), prefix, owner: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ tag: fc.constant('remove' as const), prefix, owner: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ tag: fc.constant('removeAllOf' as const), owner: fc.nat(3) }) },
)

test('whatever was asked before, the cache answers as a plain list does now', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), fc.array(address, { maxLength: 80 }), (steps, addresses) => {
      const table = new AllowedIps()
      const cache = new RouteCache(table)
      const slow = new SlowAllowedIps()
      for (let i = 0; i < BACKGROUND; i++) {
        const bytes = i % 2 === 0 ? Uint8Array.of(1, 1, i, 1) : new Uint8Array(16).fill(i)
        table.insert(bytes, bytes.length * 8, 9 + i)
        slow.insert(bytes, bytes.length * 8, 9 + i)
      }
      const probes = [...addresses, new Uint8Array(4), new Uint8Array(16)]
      const check = (): void => {
        // The second answer of each comes out of the cache, unless another address has taken its row.
        for (let round = 0; round < 2; round++) {
          for (const probe of probes) {
            const found = probe.length === 4 ? cache.lookup4(probe, 0) : cache.lookup6(probe, 0)
            expect(found).toBe(slow.lookup(probe))
          }
        }
      }
      check()
      for (const action of steps) {
        if (action.tag === 'removeAllOf') {
          table.removeAllOf(action.owner)
          slow.removeAllOf(action.owner)
        } else {
          const [bytes, bits] = action.prefix
          const length = Math.min(bits, bytes.length * 8)
          table[action.tag](bytes, length, action.owner)
          slow[action.tag](bytes, length, action.owner)
        }
        check()
      }
    }),
    { numRuns: 100 },
  )
})
