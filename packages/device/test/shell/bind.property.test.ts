/** Whatever a batch looks like, each peer gets its datagrams whole and in order. */
import * as fc from 'fast-check'
import { describe, test } from 'vitest'
import { openDgramBind } from '../../src/shell/bind-dgram.js'
import { linuxBind, linuxBindWorksHere } from '../../src/shell/bind-linux.js'
import { windowsBind } from '../../src/shell/bind-windows.js'
import { batches, capacities, carries } from './support/bind-property.js'
import { FakeWinsock } from './support/winsock.js'

const features = fc.record({
  segmentation: fc.boolean(),
  coalescing: fc.boolean(),
  stickySource: fc.boolean(),
  trafficClass: fc.boolean(),
})

describe('batches', () => {
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

  test.runIf(linuxBindWorksHere())(
    'of the Windows bind over a model of Windows, with any of its features',
    async () => {
      const wanted = fc.record({ segmentation: fc.boolean(), coalescing: fc.boolean() })
      const property = fc.asyncProperty(
        batches,
        capacities,
        wanted,
        wanted,
        async (datagrams, capacity, one, other) => {
          const { calls } = new FakeWinsock()
          const pair = [windowsBind({ calls, features: one }), windowsBind({ calls, features: other })] as const
          await carries([...pair], datagrams, capacity)
        },
      )
      await fc.assert(property, { numRuns: 60 })
    },
  )
})
