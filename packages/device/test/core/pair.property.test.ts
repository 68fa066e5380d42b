import fc from 'fast-check'
import type { PresharedKey } from '@wireweave/tunnel/keys'
import { expect, test } from 'vitest'
import { INITIATION, Pair } from './harness.js'

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ tag: fc.constantFrom('ping' as const, 'pong' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      tag: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 100, 4000, 11_000, 50_000, 121_000, 181_000),
    }),
  },
  { weight: 3, arbitrary: fc.record({ tag: fc.constant('loss' as const), every: fc.constantFrom(1, 2, 3, 1000) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      tag: fc.constantFrom('restartAlice' as const, 'restartBob' as const, 'forgetAlice' as const, 'network' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ tag: fc.constant('psk' as const), byte: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ tag: fc.constant('keepalive' as const), seconds: fc.constantFrom(0, 1, 25) }) },
)

test(
  'whatever happened, once the wire is whole packets go through, and in silence both come to rest',
  { timeout: 300_000 },
  () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const pair = new Pair()
        const { alice, bob } = pair
        let presharedKey: PresharedKey | null = null
        for (const action of steps) {
          if (action.tag === 'ping') pair.ping()
          else if (action.tag === 'pong') pair.pong()
          else if (action.tag === 'wait') pair.advanceTo(pair.now + action.ms)
          else if (action.tag === 'loss') {
            let nth = 0
            pair.drop = () => ++nth % action.every === 0
          } else if (action.tag === 'restartAlice' || action.tag === 'restartBob') {
            const host = action.tag === 'restartAlice' ? alice : bob
            host.device.down(pair.now)
            host.up(pair.now)
          } else if (action.tag === 'forgetAlice') {
            bob.apply({ peers: [{ publicKey: alice.publicKey, remove: true }] }, pair.now)
            bob.addPeer(alice, pair.now, { ips: ['10.0.0.1/32'], presharedKey })
          } else if (action.tag === 'network') {
            alice.device.networkChanged(pair.now)
          } else if (action.tag === 'psk') {
            presharedKey = new Uint8Array(32).fill(action.byte) as PresharedKey
            alice.apply({ peers: [{ publicKey: bob.publicKey, presharedKey }] }, pair.now)
            bob.apply({ peers: [{ publicKey: alice.publicKey, presharedKey }] }, pair.now)
          } else if (action.tag === 'keepalive') {
            const { seconds: persistentKeepaliveInterval } = action as { seconds: number }
            alice.apply({ peers: [{ publicKey: bob.publicKey, persistentKeepaliveInterval }] }, pair.now)
          }
          alice.wallClockMs = bob.wallClockMs = Date.UTC(2026, 0, 1) + pair.now
          pair.exchange()
        }
        // At most one initiation in 5 s from each side, except where something allowed one at once.
        const excuses = steps.filter(
          ({ tag }) => tag === 'network' || tag.startsWith('restart') || tag === 'forgetAlice',
        ).length
        for (const host of [alice, bob]) {
          const times = pair.times(INITIATION, host)
          const early = times.filter((at, i) => i > 0 && at - times[i - 1]! < 5000).length
          expect(early).toBeLessThanOrEqual(excuses)
        }

        // The last session may be one that only one side still has: 15 s bring that to light, and 5 s more a new one.
        pair.drop = () => false
        alice.apply({ peers: [{ publicKey: bob.publicKey, persistentKeepaliveInterval: 0 }] }, pair.now)
        for (let i = 0; i < 10; i++) {
          pair.ping()
          pair.pong()
          pair.advanceTo(pair.now + 4000)
        }
        alice.delivered.length = bob.delivered.length = 0
        pair.ping()
        pair.pong()
        pair.advanceTo(pair.now + 1)
        expect([alice.delivered.length, bob.delivered.length]).toEqual([1, 1])

        pair.advanceTo(pair.now + 200_000)
        pair.wire.length = 0
        pair.advanceTo(pair.now + 1_000_000)
        expect(pair.wire).toEqual([])
        expect([alice.device.nextDeadline(), bob.device.nextDeadline()]).toEqual([null, null])
      }),
      { numRuns: 60 },
    )
  },
)
