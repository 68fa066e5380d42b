import fc from 'fast-check'
import { SlowAllowedIps } from '@wireweave/testkit/slow/allowed-ips'
import { expect, test } from 'vitest'
import { AllowedIps } from '../../src/core/allowed-ips.js'

/** Addresses that differ in few bits, so that prefixes nest, fork and collide. */
const address = fc
  .tuple(fc.boolean(), fc.uint8Array({ minLength: 2, maxLength: 2 }), fc.nat(15), fc.nat(15))
  .map(([v4, bytes, first, second]) => {
    const result = new Uint8Array(v4 ? 4 : 16)
    result[first % result.length] = bytes[0]!
    result[second % result.length] = bytes[1]! & 0xc1
    return result
  })
const prefix = fc
  .tuple(address, fc.nat(128))
  .map(([bytes, length]) => ({ bytes, length: Math.min(length, bytes.length * 8) }))
const owner = fc.nat(5)

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ tag: fc.constant('insert' as const), prefix, owner }) },
  { weight: 3, arbitrary: fc.record({ tag: fc.constant('remove' as const), prefix, owner }) },
  { weight: 3, arbitrary: fc.record({ tag: fc.constant('removeOld' as const), which: fc.nat(1000) }) },
  { weight: 1, arbitrary: fc.record({ tag: fc.constant('removeAllOf' as const), owner }) },
)

test('any sequence of inserting, moving and removing leaves the trie equal to a plain list', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.array(address, { maxLength: 30 }), (steps, probes) => {
      const fast = new AllowedIps()
      const slow = new SlowAllowedIps()
      const seen: Uint8Array[] = [...probes]
      for (const action of steps) {
        if (action.tag === 'insert') {
          fast.insert(action.prefix.bytes, action.prefix.length, action.owner)
          slow.insert(action.prefix.bytes, action.prefix.length, action.owner)
          seen.push(action.prefix.bytes)
        } else if (action.tag === 'remove') {
          const expected = slow.remove(action.prefix.bytes, action.prefix.length, action.owner)
          expect(fast.remove(action.prefix.bytes, action.prefix.length, action.owner)).toBe(expected)
        } else if (action.tag === 'removeOld') {
          const candidates = [0, 1, 2, 3, 4, 5].flatMap((of) => slow.prefixesOf(of).map((entry) => ({ entry, of })))
          const chosen = candidates[action.which % Math.max(1, candidates.length)]
          if (chosen === undefined) continue
          slow.remove(chosen.entry.address, chosen.entry.length, chosen.of)
          expect(fast.remove(chosen.entry.address, chosen.entry.length, chosen.of)).toBe(true)
        } else {
          fast.removeAllOf(action.owner)
          slow.removeAllOf(action.owner)
        }
      }
      expect(fast.size).toBe(slow.size)
      for (let of = 0; of <= 5; of++) expect(fast.prefixesOf(of)).toEqual(slow.prefixesOf(of))
      for (const probe of seen) {
        const found = probe.length === 4 ? fast.lookup4(probe, 0) : fast.lookup6(probe, 0)
        expect(found).toBe(slow.lookup(probe))
      }
    }),
    { numRuns: 300 },
  )
})
