/** What every bind promises, to be run against each of them. */
import { createSocket } from 'node:dgram'
import { afterEach, describe, expect, test } from 'vitest'
import { isWireGuardError } from '@wireweave/tunnel/errors'
import type { OpenBind } from '../../../src/shell/bind.js'
import { BindRig } from './bind-rig.js'

const open: BindRig[] = []
async function rig(openBind: OpenBind, options?: { port?: number; capacity?: number }): Promise<BindRig> {
  const made = await BindRig.open(openBind, options)
  open.push(made)
  return made
}
afterEach(async () => {
  for (const made of open.splice(0)) await made.close()
})

/** `make` gives a bind that can reach those it gave before. */
export function testBind(name: string, make: () => OpenBind): void {
  describe(name, () => {
    test.each(['127.0.0.1', '[::1]'])('carries datagrams both ways over %s', async (host) => {
      const [a, b] = [await rig(make()), await rig(make())]
      await a.sendTo(`${host}:${b.bind.port}`, 'one', 'three', 'four4')
      const [first, ...rest] = await b.receive(3)
      expect([first!.text, ...rest.map((one) => one.text)]).toEqual(['one', 'three', 'four4'])
      expect(first!.from.endsWith(`:${a.bind.port}`)).toBe(true)
      await b.sendTo(`${host}:${a.bind.port}`, 'back')
      expect((await a.receive(1))[0]!.text).toBe('back')
    })

    test('has one port in both families', async () => {
      const a = await rig(make())
      expect(a.bind.port).toBeGreaterThan(0)
      const b = await rig(make())
      await b.sendTo(`127.0.0.1:${a.bind.port}`, 'v4')
      await b.sendTo(`[::1]:${a.bind.port}`, 'v6')
      expect((await a.receive(2)).map((one) => one.text).sort()).toEqual(['v4', 'v6'])
    })

    test('keeps order and every byte of many datagrams of all lengths', async () => {
      const [a, b] = [await rig(make()), await rig(make(), { capacity: 7 })]
      const record = a.endpoint(`127.0.0.1:${b.bind.port}`)
      const sent: Uint8Array[] = []
      for (const length of [1400, 1400, 1400, 9, 32, 32, 31, 1, 65507, 148, 148, 92, 1452, 1452, 1452, 1453, 20_000]) {
        const bytes = new Uint8Array(length).map((_, i) => (i * 7 + length + sent.length) & 0xff)
        sent.push(bytes)
        a.put(bytes, record)
      }
      await a.send()
      const received = await b.receive(sent.length)
      expect(received.map((one) => one.bytes.length)).toEqual(sent.map((bytes) => bytes.length))
      for (const [i, bytes] of sent.entries()) expect(Buffer.compare(received[i]!.bytes, bytes)).toBe(0)
    })

    test('sends to several endpoints of both families from one batch', async () => {
      const [a, b, c] = [await rig(make()), await rig(make()), await rig(make())]
      const [b4, c6, c4] = [`127.0.0.1:${b.bind.port}`, `[::1]:${c.bind.port}`, `127.0.0.1:${c.bind.port}`].map((to) =>
        a.endpoint(to),
      )
      for (const [text, record] of [
        ['b', b4],
        ['c6', c6],
        ['b', b4],
        ['b', b4],
        ['c4', c4],
        ['c6', c6],
      ] as const) {
        a.put(new TextEncoder().encode(text), record!)
      }
      await a.send()
      expect((await b.receive(3)).map((one) => one.text)).toEqual(['b', 'b', 'b'])
      expect((await c.receive(3)).map((one) => one.text).sort()).toEqual(['c4', 'c6', 'c6'])
    })

    test('an endpoint nobody listens at, without a port or a family, or that is unreachable harms nothing', async () => {
      const [a, b] = [await rig(make()), await rig(make())]
      const probe = createSocket('udp4')
      await new Promise<void>((resolve) => probe.bind(0, '127.0.0.1', resolve))
      const closedPort = probe.address().port
      await new Promise<void>((resolve) => probe.close(resolve))
      const bytes = new TextEncoder().encode('x')
      for (let i = 0; i < 3; i++) a.put(bytes, a.endpoint(`127.0.0.1:${closedPort}`))
      a.put(bytes, a.endpoint('127.0.0.1:0'))
      a.put(bytes, a.out.recordCount++)
      a.put(bytes, a.endpoint('255.255.255.255:9'))
      a.put(bytes, a.endpoint('[ff02::1]:9'))
      a.put(bytes, a.endpoint('[fe80::1%99999]:9'))
      a.put(bytes, a.endpoint(`127.0.0.1:${b.bind.port}`))
      await a.send()
      expect((await b.receive(1))[0]!.text).toBe('x')
      await b.sendTo(`127.0.0.1:${a.bind.port}`, 'still here')
      expect((await a.receive(1))[0]!.text).toBe('still here')
    })

    test('drops an oversized datagram and carries the next', async () => {
      const [a, b] = [await rig(make()), await rig(make())]
      const record = a.endpoint(`127.0.0.1:${b.bind.port}`)
      a.put(new Uint8Array(65508), record)
      a.put(new TextEncoder().encode('next'), record)
      await a.send()
      expect((await b.receive(1))[0]!.text).toBe('next')
    })

    test('a port that is taken in either family is ADDRESS_IN_USE, and nothing stays open', async () => {
      const a = await rig(make())
      await expect(rig(make(), { port: a.bind.port })).rejects.toSatisfy(
        (error) =>
          isWireGuardError(error) && error.code === 'ADDRESS_IN_USE' && error.message.includes(String(a.bind.port)),
      )
      const v6 = createSocket({ type: 'udp6', ipv6Only: true })
      await new Promise<void>((resolve) => v6.bind(0, '::', resolve))
      const { port } = v6.address()
      await expect(rig(make(), { port })).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' })
      await new Promise<void>((resolve) => v6.close(resolve))
      const again = await rig(make(), { port })
      expect(again.bind.port).toBe(port)
    })

    test('close is idempotent, ends waits, and frees the port at once', async () => {
      const a = await rig(make())
      const waiting = expect(a.bind.readable()).rejects.toMatchObject({ code: 'CLOSED' })
      await Promise.all([a.bind.close(), a.bind.close()])
      await waiting
      expect(() => a.takeReady()).toThrow(/closed/)
      await expect(a.bind.readable()).rejects.toMatchObject({ code: 'CLOSED' })
      const b = await rig(make(), { port: a.bind.port })
      expect(b.bind.port).toBe(a.bind.port)
    })

    test('a wait that is aborted leaves the bind usable', async () => {
      const [a, b] = [await rig(make()), await rig(make())]
      await expect(a.bind.readable(AbortSignal.timeout(5))).rejects.toMatchObject({ code: 'ABORTED' })
      await b.sendTo(`127.0.0.1:${a.bind.port}`, 'after')
      expect((await a.receive(1))[0]!.text).toBe('after')
    })
  })
}
