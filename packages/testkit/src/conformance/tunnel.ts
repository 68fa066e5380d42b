/** What every backend promises, in the kernel or in user space: run once for each. */
import { nobleSuite } from '@wireweave/crypto/noble'
import type { Tunnel, TunnelBackend } from '@wireweave/tunnel/backend'
import type { DeviceSnapshot } from '@wireweave/tunnel/config'
import { isWireGuardError } from '@wireweave/tunnel/errors'
import { formatKey } from '@wireweave/tunnel/keys'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  byKey,
  clamped,
  comparable,
  endpoint,
  manyPeers,
  prefix,
  presharedKey,
  privateKey,
  publicKey,
  readable,
} from './values.js'

export interface TunnelFixture {
  readonly backend: TunnelBackend
  /** A name nobody uses, different at each call. */
  freshName(): string
  /** Ends the tunnel from outside, as `ip link del` does. Absent where nothing can. */
  kill?(tunnel: Tunnel): Promise<void>
  /** Whether the system shows the interface of this name as up. Absent where the system shows none. */
  isUp?(name: string): Promise<boolean>
  /** What a tunnel of this name left on the machine: interfaces, sockets, files. */
  leftovers?(name: string): Promise<readonly string[]>
  /** Opens under `name` in a way that fails halfway. */
  openHalfway?(name: string): Promise<Tunnel>
}

/** `create` makes a fixture for each test; `destroy` is told to undo what is left. */
export function tunnelConformance(
  title: string,
  create: () => Promise<TunnelFixture> | TunnelFixture,
  destroy: (fixture: TunnelFixture) => Promise<void> | void = () => {},
): void {
  describe(`${title} keeps the contract of a backend`, () => {
    let fixture: TunnelFixture
    let opened: Tunnel[]

    beforeEach(async () => {
      fixture = await create()
      opened = []
    })
    afterEach(async () => {
      for (const tunnel of opened) await tunnel.close()
      await destroy(fixture)
    })

    async function open(name = fixture.freshName()): Promise<Tunnel> {
      const tunnel = await fixture.backend.open({ name })
      opened.push(tunnel)
      return tunnel
    }

    test('a probe says that it works here, and leaves nothing behind', async () => {
      const name = fixture.freshName()
      expect(await fixture.backend.probe()).toMatchObject({ available: true })
      expect(await fixture.leftovers?.(name)).toEqual(fixture.leftovers && [])
    })

    test('a new tunnel says who opened it and is empty', async () => {
      const name = fixture.freshName()
      const tunnel = await open(name)
      expect(tunnel.backend).toBe(fixture.backend.name)
      if (fixture.backend.reach === 'process') expect(tunnel.interfaceRef).toBeNull()
      else expect(tunnel.interfaceRef).toMatchObject({ name })
      expect(await tunnel.snapshot()).toMatchObject({ publicKey: null, fwmark: null, peers: [] })
      expect(await tunnel.secrets()).toEqual({ privateKey: null, presharedKeys: [] })
    })

    test('two tunnels live side by side', async () => {
      const [one, two] = [await open(), await open()]
      await one.apply({ peers: [{ publicKey: publicKey(1) }] })
      await two.apply({ peers: [{ publicKey: publicKey(2) }] })
      expect(peersOf(await one.snapshot())).toEqual([formatKey(publicKey(1))])
      expect(peersOf(await two.snapshot())).toEqual([formatKey(publicKey(2))])
    })

    test('a name is given once at a time, and the first owner keeps it', async () => {
      const name = fixture.freshName()
      const tunnel = await open(name)
      await expect(open(name)).rejects.toSatisfy((error) => isWireGuardError(error) && error.code === 'NAME_IN_USE')
      await tunnel.apply({ listenPort: 0 })
      await tunnel.close()
      await open(name)
    })

    test('closing twice, or twice at once, is closing once; the name is free and nothing is left', async () => {
      const name = fixture.freshName()
      const tunnel = await open(name)
      await tunnel.up()
      await Promise.all([tunnel.close(), tunnel.close()])
      await tunnel.close()
      await tunnel.closed
      expect(await fixture.leftovers?.(name)).toEqual(fixture.leftovers && [])
      await open(name)
    })

    test('a closed tunnel refuses everything else', async () => {
      const tunnel = await open()
      await tunnel.close()
      const calls = [
        () => tunnel.apply({}),
        () => tunnel.snapshot(),
        () => tunnel.secrets(),
        () => tunnel.up(),
        () => tunnel.down(),
      ]
      for (const call of calls) await expect(call()).rejects.toSatisfy(isClosed)
    })

    test('closing during an update settles both', async () => {
      const name = fixture.freshName()
      const tunnel = await open(name)
      await tunnel.up()
      const updating = tunnel.apply({ privateKey: privateKey(1), peers: manyPeers(300) }).then(
        () => null,
        (error: unknown) => error,
      )
      await tunnel.close()
      const error = await updating
      if (error !== null) expect(error).toSatisfy(isClosed)
      expect(await fixture.leftovers?.(name)).toEqual(fixture.leftovers && [])
    })

    test('what is applied is what a snapshot shows', async () => {
      const tunnel = await open()
      const prefixes = ['10.0.0.0/8', '192.0.2.7/32', '0.0.0.0/0', '2001:db8::/32', '2001:db8::5/128', '::/0']
      await tunnel.apply({
        privateKey: privateKey(1),
        listenPort: 0,
        fwmark: 0xca6c,
        peers: [
          {
            publicKey: publicKey(1),
            presharedKey: presharedKey(1),
            endpoint: endpoint('192.0.2.1:51820'),
            persistentKeepaliveInterval: 65535,
            allowedIps: prefixes.slice(0, 3).map(prefix),
          },
          { publicKey: publicKey(2), endpoint: endpoint('[2001:db8::1]:1'), allowedIps: prefixes.slice(3).map(prefix) },
          { publicKey: publicKey(3) },
        ],
      })
      const snapshot = await tunnel.snapshot()
      expect(snapshot.publicKey).toEqual(nobleSuite.x25519.importPrivateKey(privateKey(1)).publicKey)
      expect(snapshot.fwmark).toBe(0xca6c)
      expect(snapshot.peers.map(readable).toSorted(byKey)).toEqual(
        [
          {
            key: formatKey(publicKey(1)),
            hasPresharedKey: true,
            endpoint: '192.0.2.1:51820',
            persistentKeepaliveInterval: 65535,
            allowedIps: prefixes.slice(0, 3).toSorted(),
          },
          {
            key: formatKey(publicKey(2)),
            hasPresharedKey: false,
            endpoint: '[2001:db8::1]:1',
            persistentKeepaliveInterval: 0,
            allowedIps: prefixes.slice(3).toSorted(),
          },
          {
            key: formatKey(publicKey(3)),
            hasPresharedKey: false,
            endpoint: null,
            persistentKeepaliveInterval: 0,
            allowedIps: [],
          },
        ].toSorted(byKey),
      )
      for (const peer of snapshot.peers) {
        expect(peer).toMatchObject({ lastHandshakeTimeNs: null, rxBytes: 0n, txBytes: 0n })
      }
      const secrets = await tunnel.secrets()
      const first = snapshot.peers.findIndex((peer) => formatKey(peer.publicKey) === formatKey(publicKey(1)))
      expect(clamped(secrets.privateKey!)).toEqual(clamped(privateKey(1)))
      expect(secrets.presharedKeys[first]).toEqual(presharedKey(1))
      expect(secrets.presharedKeys.filter((key) => key !== null)).toHaveLength(1)
    })

    test('what an update does not name stays as it is', async () => {
      const tunnel = await open()
      const peer = { publicKey: publicKey(1), presharedKey: presharedKey(1), endpoint: endpoint('192.0.2.1:9') }
      await tunnel.apply({
        privateKey: privateKey(1),
        fwmark: 7,
        peers: [{ ...peer, allowedIps: [prefix('10.0.0.0/8')] }],
      })
      const before = comparable(await tunnel.snapshot())
      await tunnel.apply({})
      await tunnel.apply({ peers: [{ publicKey: publicKey(1) }] })
      expect(comparable(await tunnel.snapshot())).toEqual(before)
    })

    test('null clears what can be cleared', async () => {
      const tunnel = await open()
      await tunnel.apply({
        privateKey: privateKey(1),
        fwmark: 7,
        peers: [{ publicKey: publicKey(1), presharedKey: presharedKey(1) }],
      })
      await tunnel.apply({ privateKey: null, fwmark: null, peers: [{ publicKey: publicKey(1), presharedKey: null }] })
      expect(await tunnel.snapshot()).toMatchObject({
        publicKey: null,
        fwmark: null,
        peers: [{ hasPresharedKey: false }],
      })
      expect(await tunnel.secrets()).toEqual({ privateKey: null, presharedKeys: [null] })
    })

    test('remove takes a peer away and does not mind one that is not there', async () => {
      const tunnel = await open()
      await tunnel.apply({
        peers: [1, 2].map((n) => ({ publicKey: publicKey(n), allowedIps: [prefix(`10.0.${n}.0/24`)] })),
      })
      await tunnel.apply({ peers: [1, 3].map((n) => ({ publicKey: publicKey(n), remove: true })) })
      expect(peersOf(await tunnel.snapshot())).toEqual([formatKey(publicKey(2))])
    })

    test('updateOnly changes a peer that exists and creates none', async () => {
      const tunnel = await open()
      await tunnel.apply({ peers: [{ publicKey: publicKey(1) }] })
      const change = { updateOnly: true, persistentKeepaliveInterval: 25 }
      await tunnel.apply({ peers: [1, 2].map((n) => ({ publicKey: publicKey(n), ...change })) })
      const { peers } = await tunnel.snapshot()
      expect(peers.map(readable)).toMatchObject([{ key: formatKey(publicKey(1)), persistentKeepaliveInterval: 25 }])
    })

    test('replacePeers leaves only the new ones', async () => {
      const tunnel = await open()
      await tunnel.apply({ peers: manyPeers(5) })
      await tunnel.apply({ replacePeers: true, peers: [{ publicKey: publicKey(9) }] })
      expect(peersOf(await tunnel.snapshot())).toEqual([formatKey(publicKey(9))])
      await tunnel.apply({ replacePeers: true })
      expect(peersOf(await tunnel.snapshot())).toEqual([])
    })

    test('an allowed IP belongs to one peer: giving it to another takes it away', async () => {
      const tunnel = await open()
      await tunnel.apply({ peers: [{ publicKey: publicKey(1), allowedIps: ['10.0.0.0/8', 'fd00::/8'].map(prefix) }] })
      await tunnel.apply({ peers: [{ publicKey: publicKey(2), allowedIps: [prefix('10.0.0.0/8')] }] })
      expect(await allowedIpsOf(tunnel)).toEqual({
        [formatKey(publicKey(1))]: ['fd00::/8'],
        [formatKey(publicKey(2))]: ['10.0.0.0/8'],
      })
    })

    test('an allowed IP can be taken from its owner, and only from it', async () => {
      const tunnel = await open()
      const taken = { ...prefix('10.0.0.0/8'), remove: true }
      await tunnel.apply({ peers: [{ publicKey: publicKey(1), allowedIps: ['10.0.0.0/8', '10.0.0.0/9'].map(prefix) }] })
      await tunnel.apply({ peers: [{ publicKey: publicKey(2), allowedIps: [taken] }] })
      expect((await allowedIpsOf(tunnel))[formatKey(publicKey(1))]).toEqual(['10.0.0.0/8', '10.0.0.0/9'])
      await tunnel.apply({ peers: [{ publicKey: publicKey(1), allowedIps: [taken] }] })
      expect((await allowedIpsOf(tunnel))[formatKey(publicKey(1))]).toEqual(['10.0.0.0/9'])
    })

    test('replaceAllowedIps leaves only the new ones', async () => {
      const tunnel = await open()
      await tunnel.apply({ peers: [{ publicKey: publicKey(1), allowedIps: ['10.0.0.0/8', '::/0'].map(prefix) }] })
      const change = { publicKey: publicKey(1), replaceAllowedIps: true }
      await tunnel.apply({ peers: [{ ...change, allowedIps: [prefix('10.1.0.0/16')] }] })
      expect((await allowedIpsOf(tunnel))[formatKey(publicKey(1))]).toEqual(['10.1.0.0/16'])
      await tunnel.apply({ peers: [change] })
      expect((await allowedIpsOf(tunnel))[formatKey(publicKey(1))]).toEqual([])
    })

    test('an update that fails changes nothing', async () => {
      const tunnel = await open()
      await tunnel.apply({ privateKey: privateKey(1), peers: manyPeers(3) })
      const before = comparable(await tunnel.snapshot())
      const bad = { publicKey: publicKey(8), persistentKeepaliveInterval: 65536 }
      await expect(
        tunnel.apply({ privateKey: null, replacePeers: true, peers: [{ publicKey: publicKey(7) }, bad] }),
      ).rejects.toThrow()
      expect(comparable(await tunnel.snapshot())).toEqual(before)
    })

    test('up and down may be repeated and keep the configuration', async () => {
      const tunnel = await open()
      await tunnel.apply({ privateKey: privateKey(1), peers: manyPeers(3) })
      const before = comparable(await tunnel.snapshot())
      for (const step of ['up', 'up', 'down', 'down', 'up'] as const) await tunnel[step]()
      expect(comparable(await tunnel.snapshot())).toEqual(before)
      expect((await tunnel.snapshot()).listenPort).toBeGreaterThan(0)
    })

    test('up and down bring the interface of the system up and down', async (context) => {
      if (fixture.isUp === undefined)
        return void (await context.annotate('this backend has no interface that the system shows'))
      const name = fixture.freshName()
      const tunnel = await open(name)
      expect(await fixture.isUp(name)).toBe(false)
      await tunnel.up()
      expect(await fixture.isUp(name)).toBe(true)
      await tunnel.down()
      expect(await fixture.isUp(name)).toBe(false)
    })

    test('the port asked for is the port bound', async () => {
      const tunnel = await open()
      await tunnel.up()
      const { listenPort } = await tunnel.snapshot()
      await tunnel.close()
      const again = await open()
      await again.apply({ listenPort })
      await again.up()
      expect((await again.snapshot()).listenPort).toBe(listenPort)
    })

    test('a port taken by another tunnel is refused, and the old one stays', async () => {
      const [one, two] = [await open(), await open()]
      await one.up()
      await two.up()
      const before = await two.snapshot()
      const taken = (await one.snapshot()).listenPort
      const refusal = expect(two.apply({ listenPort: taken, peers: manyPeers(1) })).rejects
      await refusal.toSatisfy((error) => isWireGuardError(error) && error.code === 'ADDRESS_IN_USE')
      expect(await two.snapshot()).toEqual(before)
    })

    test('a thousand peers', async () => {
      const tunnel = await open()
      await tunnel.apply({ privateKey: privateKey(1), peers: manyPeers(1000) })
      const snapshot = await tunnel.snapshot()
      expect(new Set(peersOf(snapshot)).size).toBe(1000)
      expect(Object.values(await allowedIpsOf(tunnel)).every((list) => list.length === 1)).toBe(true)
      await tunnel.apply({ replacePeers: true })
      expect((await tunnel.snapshot()).peers).toEqual([])
    }, 600_000)

    test('an open that fails leaves nothing behind', async (context) => {
      if (fixture.openHalfway === undefined)
        return void (await context.annotate('this fixture cannot make an open fail halfway'))
      const name = fixture.freshName()
      await expect(fixture.openHalfway(name)).rejects.toSatisfy(isWireGuardError)
      expect(await fixture.leftovers?.(name)).toEqual(fixture.leftovers && [])
      await open(name)
    })

    test('death from outside settles `closed`, and what is called then says so', async (context) => {
      if (fixture.kill === undefined)
        return void (await context.annotate('nothing outside can end a tunnel of this backend'))
      const tunnel = await open()
      await tunnel.up()
      await fixture.kill(tunnel)
      await tunnel.closed
      await expect(tunnel.apply({})).rejects.toSatisfy(isClosed)
      await tunnel.close()
    })
  })
}

function isClosed(error: unknown): boolean {
  return isWireGuardError(error) && (error.code === 'CLOSED' || error.code === 'NO_SUCH_INTERFACE')
}

function peersOf(snapshot: DeviceSnapshot): string[] {
  return snapshot.peers.map((peer) => formatKey(peer.publicKey))
}

async function allowedIpsOf(tunnel: Tunnel): Promise<Record<string, string[]>> {
  const { peers } = await tunnel.snapshot()
  return Object.fromEntries(peers.map((peer) => [formatKey(peer.publicKey), readable(peer).allowedIps]))
}
