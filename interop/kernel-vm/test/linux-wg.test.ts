/** The kernel's WireGuard as a backend. Runs inside the virtual machine: see ../suite.mjs. */
import { linuxWgBackend } from '@wireweave/adapter-linux-wg/backend'
import { tunnelConformance } from '@wireweave/testkit/conformance/tunnel'
import { manyPeers, publicKey } from '@wireweave/testkit/conformance/values'
import type { PeerUpdate } from '@wireweave/tunnel/config'
import { formatPrefix } from '@wireweave/tunnel/ip'
import { formatKey } from '@wireweave/tunnel/keys'
import { expect, test } from 'vitest'
import { systemLinks } from '../../rig/system-links.js'

const backend = linuxWgBackend()
let next = 0

test('a name that ends in %d is numbered', async () => {
  await using first = await backend.open({ name: 'wwn%d' })
  await using second = await backend.open({ name: 'wwn%d' })
  expect([first, second].map((tunnel) => tunnel.interfaceRef?.name)).toEqual(['wwn0', 'wwn1'])
})

test('20 000 peers go in and come out, over many messages each way', async () => {
  await using tunnel = await backend.open({ name: `wwk${next++}` })
  const peers = manyPeers(20_000)
  await tunnel.apply({ peers })
  const shown = await tunnel.snapshot()
  const lines = (of: readonly PeerLike[]): string[] =>
    of.map(({ publicKey, allowedIps }) => `${formatKey(publicKey)} ${allowedIps!.map(formatPrefix).join()}`).toSorted()
  expect(lines(shown.peers)).toEqual(lines(peers))
  await tunnel.apply({ replacePeers: true, peers: peers.slice(0, 1) })
  expect((await tunnel.snapshot()).peers).toHaveLength(1)
})

test('130 560 allowed IPs of one peer go in and come out, over many messages each way', async () => {
  await using tunnel = await backend.open({ name: `wwk${next++}` })
  const allowedIps = Array.from({ length: 130_560 }, (_, i) => ({
    address: Uint8Array.of(10, i >>> 16, (i >>> 8) & 255, i & 255),
    length: 32,
  }))
  const peer = { publicKey: publicKey(1), replaceAllowedIps: true }
  await tunnel.apply({ peers: [{ ...peer, allowedIps }] })
  const shown = await tunnel.snapshot()
  expect(shown.peers).toHaveLength(1)
  expect(shown.peers[0]!.allowedIps.map(formatPrefix).toSorted()).toEqual(allowedIps.map(formatPrefix).toSorted())
  // The list that replaces begins in the first message only, or the last would be all that is left.
  await tunnel.apply({ peers: [{ ...peer, allowedIps: allowedIps.slice(0, 60_000) }] })
  expect((await tunnel.snapshot()).peers[0]!.allowedIps).toHaveLength(60_000)
})

type PeerLike = Pick<PeerUpdate, 'publicKey' | 'allowedIps'>

tunnelConformance('linux-wg', () => ({
  ...systemLinks,
  backend,
  freshName: () => `wwk${next++}`,
  openHalfway: (name) => backend.open({ name, mtu: 2 ** 31 - 1 }),
}))
