/** Two real devices: over loopback UDP with both binds, and over a wire in memory where sockets must misbehave. */
import { afterEach, describe, expect, test } from 'vitest'
import { MemoryWire } from '@wireweave/testkit/memory-bind'
import { isWireGuardError } from '@wireweave/tunnel/errors'
import { ENDPOINT_BYTES, ENDPOINT_LOCAL } from '../../src/core/endpoint.js'
import type { OpenBind } from '../../src/shell/bind.js'
import type { UserspaceTunnel } from '../../src/shell/userspace-tunnel.js'
import type { UserspaceOptions } from '../../src/userspace-backend.js'
import { linuxBindWorksHere } from '../../src/shell/bind-linux.js'
import { connect, End, packetTo, PATIENCE_MS } from './support/pair.js'

const ends: End[] = []
async function open(number: number, options?: UserspaceOptions): Promise<End> {
  const end = await End.open(number, options)
  ends.push(end)
  return end
}
afterEach(async () => {
  for (const end of ends.splice(0)) await end.tunnel.close()
})

const binds: ('dgram' | 'linux')[] = linuxBindWorksHere() ? ['dgram', 'linux'] : ['dgram']
describe.each(binds)('over loopback with %s sockets', (bind) => {
  test.each(['127.0.0.1', '[::1]'])('two tunnels shake hands and carry data both ways over %s', async (host) => {
    const [a, b] = [await open(1, { bind }), await open(2, { bind })]
    await connect(a, b, host)
    a.send(b, 'ping')
    expect(await b.received(1)).toEqual(['ping'])
    b.send(a, 'pong', 'and more')
    expect(await a.received(2)).toEqual(['pong', 'and more'])
    expect(a.events.map((event) => event.tag)).toContain('sessionEstablished')
    const [peer] = (await a.tunnel.snapshot()).peers
    expect(peer!.lastHandshakeTimeNs).not.toBeNull()
  })

  test('thousands of packets arrive, in order, both ways at once', async () => {
    const [a, b] = [await open(1, { bind }), await open(2, { bind })]
    await connect(a, b)
    a.send(b, 'first')
    await b.received(1)
    const texts = Array.from({ length: 3000 }, (_, i) => `${i} ${'x'.repeat(i % 1300)}`)
    // In portions, since nothing but the socket buffers holds what is under way.
    for (let i = 0; i < texts.length; i += 100) {
      a.send(b, ...texts.slice(i, i + 100))
      b.send(a, ...texts.slice(i, i + 100))
      await Promise.all([b.received(1 + i + 100), a.received(i + 100)])
    }
    expect((await b.received(3001)).slice(1)).toEqual(texts)
    expect(await a.received(3000)).toEqual(texts)
  })

  test('the port changes while up: the peer follows, the old port is free', async () => {
    const [a, b, c] = [await open(1, { bind }), await open(2, { bind }), await open(3, { bind })]
    await connect(a, b)
    a.send(b, 'before')
    await b.received(1)
    const before = await a.listenPort()
    await a.tunnel.apply({ listenPort: before })
    await a.tunnel.apply({ listenPort: 0 })
    const after = await a.listenPort()
    expect(after).not.toBe(before)
    a.send(b, 'after')
    expect(await b.received(2)).toEqual(['before', 'after'])
    expect((await b.tunnel.snapshot()).peers[0]!.endpoint!.port).toBe(after)
    await c.tunnel.up()
    await c.tunnel.apply({ listenPort: before })
    expect(await c.listenPort()).toBe(before)
  })

  test('asking the system to choose a port again leaves the one it chose; a port of ours gives way', async () => {
    const a = await open(1, { bind })
    await a.tunnel.up()
    const chosen = await a.listenPort()
    await a.tunnel.apply({ listenPort: 0 })
    expect(await a.listenPort()).toBe(chosen)
    await a.tunnel.apply({ listenPort: chosen })
    await a.tunnel.apply({ listenPort: 0 })
    expect(await a.listenPort()).not.toBe(chosen)
  })

  test('a port that is taken is refused with ADDRESS_IN_USE and leaves all as it was', async () => {
    const [a, b] = [await open(1, { bind }), await open(2, { bind })]
    await connect(a, b)
    const before = await a.tunnel.snapshot()
    const update = { listenPort: await b.listenPort(), replacePeers: true }
    await expect(a.tunnel.apply(update)).rejects.toSatisfy(
      (error) => isWireGuardError(error) && error.code === 'ADDRESS_IN_USE' && /choose another/.test(error.message),
    )
    expect(await a.tunnel.snapshot()).toEqual(before)
    a.send(b, 'still works')
    expect(await b.received(1)).toEqual(['still works'])
  })

  test('an update that the device refuses gives the new port back', async () => {
    const a = await open(1, { bind })
    await a.tunnel.up()
    const before = await a.listenPort()
    const bad = { publicKey: a.publicKey, persistentKeepaliveInterval: 65_536 }
    const free = await open(2, { bind })
    await free.tunnel.up()
    const wanted = await free.listenPort()
    await free.tunnel.down()
    await expect(a.tunnel.apply({ listenPort: wanted, peers: [bad] })).rejects.toThrow()
    expect(await a.listenPort()).toBe(before)
    await free.tunnel.up()
    expect(await free.listenPort()).toBe(wanted)
  })

  test('up with a taken port fails and stays down; down and up again has the port of before', async () => {
    const [a, b] = [await open(1, { bind }), await open(2, { bind })]
    await a.tunnel.up()
    const port = await a.listenPort()
    await b.tunnel.apply({ listenPort: port })
    await expect(b.tunnel.up()).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' })
    await a.tunnel.down()
    await a.tunnel.up()
    expect(await a.listenPort()).toBe(port)
    await b.tunnel.apply({ listenPort: 0 })
    await b.tunnel.up()
    expect(await b.listenPort()).toBeGreaterThan(0)
  })
})

describe('the interface', () => {
  test('going down and up takes the device with it, sockets and all', async () => {
    const [a, b] = [await open(1), await open(2)]
    await connect(a, b)
    a.send(b, 'one')
    await b.received(1)
    const port = await b.listenPort()
    b.port.change({ isUp: false })
    const other = await open(3)
    await other.tunnel.apply({ listenPort: port })
    await other.tunnel.up()
    await other.tunnel.close()
    b.port.change({ isUp: true })
    expect(await b.listenPort()).toBe(port)
  })

  test('that comes up while its port is taken gets sockets once the port is free', async () => {
    const [a, b] = [await open(1), await open(2)]
    await a.tunnel.up()
    await b.tunnel.apply({ listenPort: await a.listenPort() })
    b.port.change({ isUp: false })
    await b.tunnel.down()
    b.port.change({ isUp: true })
    await b.tunnel.snapshot()
    expect(b.logged().join()).toMatch(/in use.*again/)
    const port = await a.listenPort()
    await a.tunnel.close()
    await expect.poll(() => b.logged().join(), { timeout: PATIENCE_MS }).toMatch(`open on port ${port}`)
  })

  test('tells the device its MTU', async () => {
    const [a, b] = [await open(1), await open(2)]
    await connect(a, b)
    a.port.change({ mtu: 1301 })
    a.port.put(packetTo(a, b, new Uint8Array(1281)))
    await b.received(1)
    const { txBytes } = (await a.tunnel.snapshot()).peers[0]!
    // 148 of the handshake, 32 of a keepalive, 32 + 1301: padded to the MTU, not to 1312.
    expect(Number(txBytes) % 16).toBe((148 + 32 + 32 + 1301) % 16)
  })

  test('that is deleted ends the tunnel', async () => {
    const a = await open(1)
    await a.tunnel.up()
    const port = await a.listenPort()
    a.port.die()
    await a.tunnel.closed
    await expect(a.tunnel.apply({})).rejects.toMatchObject({ code: 'CLOSED' })
    const b = await open(2)
    await b.tunnel.apply({ listenPort: port })
    await b.tunnel.up()
  })

  test('that is full makes the device wait, and nothing is lost', async () => {
    const [a, b] = [await open(1), await open(2)]
    await connect(a, b)
    a.send(b, 'first')
    await b.received(1)
    b.port.room = 1
    const texts = Array.from({ length: 200 }, (_, i) => `${i}`)
    a.send(b, ...texts.slice(0, 100))
    await b.received(2)
    // More arrives while the first hundred still lie where it would be received.
    a.send(b, ...texts.slice(100))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(b.port.sent).toHaveLength(2)
    // The other direction goes on.
    b.send(a, 'meanwhile')
    expect(await a.received(1)).toEqual(['meanwhile'])
    for (const room of [1, 50, 1000]) b.port.makeRoom(room)
    expect((await b.received(201)).slice(1)).toEqual(texts)
  })
})

describe('sockets', () => {
  async function wired(): Promise<{ a: End; b: End; wire: MemoryWire }> {
    const wire = new MemoryWire()
    const a = await open(1, { bind: wire.openBindAt('192.0.2.1') })
    const b = await open(2, { bind: wire.openBindAt('192.0.2.2') })
    await connect(a, b, '192.0.2.2')
    a.send(b, 'first')
    await b.received(1)
    return { a, b, wire }
  }
  const at = async (wire: MemoryWire, end: End, host: string) => wire.at(`${host}:${await end.listenPort()}`)!

  test('are kept to the interfaces that they were told, also those opened later', async () => {
    const wire = new MemoryWire()
    const kept: string[] = []
    let refuses = false
    const openBind: OpenBind = async (options) => {
      const bind = await wire.openBindAt('192.0.2.1')(options)
      const sendThrough = (family: 4 | 6, index: number): boolean => kept.push(`${family}: ${index}`) > 0 && !refuses
      return Object.assign(bind, { sendThrough })
    }
    const tunnel = (await open(1, { bind: openBind })).tunnel as UserspaceTunnel
    expect(await tunnel.sendThrough(6, 3)).toBe(false)
    expect(kept).toEqual([])
    await tunnel.up()
    expect(kept.splice(0)).toEqual(['6: 3'])
    expect(await tunnel.sendThrough(4, 7)).toBe(true)
    await tunnel.apply({ listenPort: 4711 })
    expect(kept.splice(0)).toEqual(['4: 7', '4: 7', '6: 3'])
    expect(await tunnel.sendThrough(6, 0)).toBe(true)
    refuses = true
    expect(await tunnel.sendThrough(4, 8)).toBe(false)
    await tunnel.apply({ listenPort: 4712 })
    expect(kept).toEqual(['6: 0', '4: 8', '4: 8'])
  })

  test('that are full make the device wait, and nothing is lost', async () => {
    const { a, b, wire } = await wired()
    const bind = await at(wire, a, '192.0.2.1')
    bind.room = 2
    const texts = Array.from({ length: 150 }, (_, i) => `${i}`)
    a.send(b, ...texts)
    await b.received(3)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(b.port.sent).toHaveLength(3)
    expect(a.port.waiting).toBeGreaterThan(100)
    b.send(a, 'meanwhile')
    expect(await a.received(1)).toEqual(['meanwhile'])
    for (const room of [1, 3, 1000]) bind.makeRoom(room)
    expect((await b.received(151)).slice(1)).toEqual(texts)
  })

  test('that die are opened again on the same port, and the session goes on', async () => {
    const { a, b, wire } = await wired()
    const port = await b.listenPort()
    ;(await at(wire, b, '192.0.2.2')).die()
    await expect.poll(() => b.logged().join(), { timeout: PATIENCE_MS }).toMatch(`open on port ${port}`)
    a.send(b, 'second')
    expect(await b.received(2)).toEqual(['first', 'second'])
    expect(b.events.filter((event) => event.tag === 'sessionEstablished')).toHaveLength(1)
  })

  test('that keep dying are opened again with growing pauses', async () => {
    const { b, wire } = await wired()
    const port = await b.listenPort()
    for (let i = 0; i < 3; i++) {
      await expect.poll(() => wire.at(`192.0.2.2:${port}`), { timeout: PATIENCE_MS }).toBeDefined()
      wire.at(`192.0.2.2:${port}`)!.die()
      await expect
        .poll(() => b.logged().filter((line) => line.includes('again')).length, { timeout: PATIENCE_MS })
        .toBe(i + 1)
    }
    const pauses = b.logged().flatMap((line) => line.match(/again (.*)/)?.[1] ?? [])
    expect(pauses).toEqual(['now', 'in 0.1 s', 'in 0.2 s'])
  })

  test('that hear of new routes make the device forget the local addresses that are stale, and only those', async () => {
    const wire = new MemoryWire()
    let changed: () => void = () => undefined
    let stale = false
    const sent: number[] = []
    const sticky: OpenBind = async (options) => {
      const bind = await wire.openBindAt('192.0.2.1')(options)
      const [receive, send] = [bind.receive.bind(bind), bind.send.bind(bind)]
      bind.receive = (batch) => {
        const count = receive(batch)
        for (let i = 0; i < batch.recordCount; i++) batch.records[i * ENDPOINT_BYTES + ENDPOINT_LOCAL] = 77
        return count
      }
      bind.send = (batch, first) => {
        for (let i = first; i < batch.count; i++)
          sent.push(batch.records[batch.endpoints[i]! * ENDPOINT_BYTES + ENDPOINT_LOCAL]!)
        return send(batch, first)
      }
      return Object.assign(bind, {
        onRouteChange: (listener: () => void) => (changed = listener),
        isSourceStale: (records: Uint8Array, at: number) => stale && records[at + ENDPOINT_LOCAL] === 77,
      })
    }
    const a = await open(1, { bind: sticky })
    const b = await open(2, { bind: wire.openBindAt('192.0.2.2') })
    await connect(a, b, '192.0.2.2')
    a.send(b, 'one')
    await b.received(1)
    const lastOf = async (count: number): Promise<number> => {
      a.send(b, `${count}`)
      await b.received(count)
      return sent.at(-1)!
    }
    expect(await lastOf(2)).toBe(77)
    changed()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await lastOf(3)).toBe(77)
    stale = true
    changed()
    let count = 4
    await expect.poll(() => lastOf(count++), { timeout: PATIENCE_MS }).toBe(0)
  })

  test('a mark is set on open sockets and on those opened later', async () => {
    const { a, wire } = await wired()
    await a.tunnel.apply({ fwmark: 7 })
    expect((await at(wire, a, '192.0.2.1')).mark).toBe(7)
    await a.tunnel.apply({ listenPort: 4000, fwmark: 9 })
    expect(wire.at('192.0.2.1:4000')!.mark).toBe(9)
    await a.tunnel.down()
    await a.tunnel.apply({ fwmark: null })
    await a.tunnel.up()
    expect(wire.at('192.0.2.1:4000')!.mark).toBe(0)
  })
})

describe('closing', () => {
  test.each(['before up', 'up', 'down again', 'while going up', 'while changing port'])(
    '%s leaves nothing',
    async (when) => {
      const a = await open(1)
      if (when !== 'before up' && when !== 'while going up') await a.tunnel.up()
      if (when === 'down again') await a.tunnel.down()
      const going =
        when === 'while going up'
          ? a.tunnel.up()
          : when === 'while changing port'
            ? a.tunnel.apply({ listenPort: 0 })
            : null
      await Promise.all([a.tunnel.close(), a.tunnel.close()])
      await going?.catch(() => undefined)
      await a.tunnel.closed
      for (const call of ['up', 'down', 'snapshot', 'secrets'] as const) {
        await expect(a.tunnel[call]()).rejects.toMatchObject({ code: 'CLOSED' })
      }
    },
  )

  test('an aborted open leaves nothing behind', async () => {
    const signal = AbortSignal.abort()
    await expect(End.open(1, {}, { signal })).rejects.toMatchObject({ code: 'ABORTED' })
    const late = new AbortController()
    const opening = End.open(1, { clock: undefined as never }, { signal: late.signal })
    late.abort()
    await expect(opening).rejects.toMatchObject({ code: 'ABORTED' })
  })
})
