/** Whatever a batch looks like, each peer gets its datagrams whole and in order. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openDgramBind } from '../../src/shell/bind-dgram.js'
import { linuxBind, linuxBindWorksHere } from '../../src/shell/bind-linux.js'
import type { OpenBind } from '../../src/shell/bind.js'
import { BindRig } from './support/bind-rig.js'

const datagram = fc.record({
  // Equal lengths are what runs are made of.
  length: fc.oneof(fc.constantFrom(32, 148, 1000, 1000, 1452, 1452, 1452), fc.integer({ min: 1, max: 3000 })),
  to: fc.integer({ min: 0, max: 3 }),
  trafficClass: fc.constantFrom(0, 0, 0, 2, 3),
  isApart: fc.boolean(),
})
const features = fc.record({
  segmentation: fc.boolean(),
  coalescing: fc.boolean(),
  stickySource: fc.boolean(),
  trafficClass: fc.boolean(),
})

describe('batches', () => {
  async function carries(
    open: [OpenBind, OpenBind],
    datagrams: readonly (typeof datagram extends fc.Arbitrary<infer D> ? D : never)[],
    capacity: number,
  ): Promise<void> {
    const sender = await BindRig.open(open[0])
    const receivers = [await BindRig.open(open[1], { capacity }), await BindRig.open(open[1], { capacity })]
    try {
      const hosts = ['127.0.0.1', '[::1]']
      const records = [0, 1, 2, 3].map((i) => sender.endpoint(`${hosts[i & 1]}:${receivers[i >> 1]!.bind.port}`))
      const expected: string[][] = [[], [], [], []]
      for (const [i, { length, to, trafficClass, isApart }] of datagrams.entries()) {
        const bytes = new Uint8Array(length).map((_, k) => i + k * 31)
        if (isApart) sender.skip(16)
        sender.put(bytes, records[to]!, trafficClass)
        expected[to]!.push(Buffer.from(bytes).toString('base64'))
      }
      await sender.send()
      for (const [i, receiver] of receivers.entries()) {
        const received = await receiver.receive(expected[2 * i]!.length + expected[2 * i + 1]!.length)
        // IPv6 sources are longer than IPv4 ones.
        const of = (isV6: boolean): string[] =>
          received
            .filter(({ from }) => from.length > 21 === isV6)
            .map(({ bytes }) => Buffer.from(bytes).toString('base64'))
        expect([of(false), of(true)]).toEqual([expected[2 * i], expected[2 * i + 1]])
      }
    } finally {
      for (const rig of [sender, ...receivers]) await rig.close()
    }
  }

  const batches = fc.array(datagram, { minLength: 1, maxLength: 200 })
  const capacities = fc.integer({ min: 1, max: 300 })

  test.runIf(linuxBindWorksHere())('of the Linux bind, with any of its features', async () => {
    const property = fc.asyncProperty(
      batches,
      capacities,
      features,
      features,
      (datagrams, capacity, sending, receiving) =>
        carries([linuxBind({ features: sending }), linuxBind({ features: receiving })], datagrams, capacity),
    )
    await fc.assert(property, { numRuns: 60 })
  })

  test('of the portable bind', async () => {
    const property = fc.asyncProperty(batches, capacities, (datagrams, capacity) =>
      carries([openDgramBind, openDgramBind], datagrams, capacity),
    )
    await fc.assert(property, { numRuns: 20 })
  })
})
