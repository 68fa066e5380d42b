/** The Windows bind and the portable one in Windows' node.exe. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { openDgramBind } from '../../src/shell/bind-dgram.js'
import { windowsBind, windowsBindWorksHere } from '../../src/shell/bind-windows.js'
import type { WindowsBind } from '../../src/shell/bind-windows.js'
import { batches, capacities, carries } from '../shell/support/bind-property.js'
import { BindRig } from '../shell/support/bind-rig.js'
import { testBind } from '../shell/support/bind-rules.js'

testBind('Windows', () => windowsBind())
testBind('node:dgram', () => openDgramBind)

test('it is what this machine gets', () => {
  expect(windowsBindWorksHere()).toBe(true)
})

test.each([
  ['to itself', () => [windowsBind(), windowsBind({ features: { coalescing: true } })] as const],
  ['to the portable bind', () => [windowsBind(), openDgramBind] as const],
  ['from the portable bind', () => [openDgramBind, windowsBind()] as const],
])('whatever a batch looks like, each peer gets its datagrams whole and in order: %s', async (_what, pair) => {
  const property = fc.asyncProperty(batches, capacities, (datagrams, capacity) =>
    carries([...pair()], datagrams, capacity),
  )
  await fc.assert(property, { numRuns: 3 })
})

test('datagrams go where they went before when they are kept to the interface that they went by', async () => {
  const [a, b] = [await BindRig.open(windowsBind()), await BindRig.open(windowsBind())]
  const bind = a.bind as WindowsBind
  try {
    expect([bind.outgoingInterface(4), bind.outgoingInterface(6)]).toEqual([0, 0])
    // Wine gives Linux the number for IPv6 as it is, and Linux reads it in network byte order, as Windows that for IPv4.
    const [LOOPBACK, LOOPBACK_OF_WINE] = [1, 0x0100_0000]
    expect([bind.sendThrough(4, LOOPBACK), bind.sendThrough(6, LOOPBACK_OF_WINE)]).toEqual([true, true])
    expect([bind.outgoingInterface(4), bind.outgoingInterface(6)]).toEqual([LOOPBACK, LOOPBACK_OF_WINE])
    await a.sendTo(`127.0.0.1:${b.bind.port}`, 'kept')
    await a.sendTo(`[::1]:${b.bind.port}`, 'kept')
    expect((await b.receive(2)).map(({ text }) => text)).toEqual(['kept', 'kept'])
    expect([bind.sendThrough(4, 0), bind.sendThrough(6, 0)]).toEqual([true, true])
    expect(bind.outgoingInterface(4)).toBe(0)
  } finally {
    await a.close()
    await b.close()
  }
})

// A wake that is missed costs the quarter of a second after which the event is looked at anyway: too long for all of them.
test('hundreds of waits: none of them misses what came', async () => {
  const [a, b] = [await BindRig.open(windowsBind()), await BindRig.open(windowsBind())]
  try {
    for (let i = 1; i <= 200; i++) {
      await a.sendTo(`${i & 1 ? '127.0.0.1' : '[::1]'}:${b.bind.port}`, String(i))
      expect((await b.receive(i)).at(-1)!.text).toBe(String(i))
    }
  } finally {
    await a.close()
    await b.close()
  }
})
