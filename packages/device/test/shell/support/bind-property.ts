/** Whatever a batch looks like, each peer gets its datagrams whole and in order: the property, for any pair of binds. */
import * as fc from 'fast-check'
import { expect } from 'vitest'
import type { OpenBind } from '../../../src/shell/bind.js'
import { BindRig } from './bind-rig.js'

interface Sent {
  readonly length: number
  readonly to: number
  readonly trafficClass: number
  readonly isApart: boolean
}

const datagram: fc.Arbitrary<Sent> = fc.record({
  // Equal lengths are what runs are made of.
  length: fc.oneof(fc.constantFrom(32, 148, 1000, 1000, 1452, 1452, 1452), fc.integer({ min: 1, max: 3000 })),
  to: fc.integer({ min: 0, max: 3 }),
  trafficClass: fc.constantFrom(0, 0, 0, 2, 3),
  isApart: fc.boolean(),
})

export const batches: fc.Arbitrary<readonly Sent[]> = fc.array(datagram, { minLength: 1, maxLength: 200 })
export const capacities: fc.Arbitrary<number> = fc.integer({ min: 1, max: 300 })

export async function carries(open: [OpenBind, OpenBind], datagrams: readonly Sent[], capacity: number): Promise<void> {
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
