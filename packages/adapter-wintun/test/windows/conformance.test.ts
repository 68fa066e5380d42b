import { userspaceBackend } from '@wireweave/device/userspace-backend'
import { packetPortConformance, type PacketPortFixture } from '@wireweave/testkit/conformance/packet-port'
import { tunnelConformance } from '@wireweave/testkit/conformance/tunnel'
import { expect } from 'vitest'
import type { WintunPort } from '../../src/adapter.js'
import { wintunAdapter } from '../../src/adapter.js'
import { ipHelper } from '../../src/ip-interface.js'
import { cleanUp, double, expectClean, freshName, IP_HELPER, OPTIONS, take } from './double.js'

packetPortConformance(
  'wintun',
  (): PacketPortFixture => {
    const received: Uint8Array[] = []
    return {
      adapter: wintunAdapter(OPTIONS),
      freshName,
      host: Uint8Array.of(10, 66, 0, 1),
      remote: Uint8Array.of(10, 66, 0, 2),
      async hostSends(_port, packet) {
        expect(double.inject(packet, packet.length, 1)).toBe(1)
      },
      async hostReceived() {
        for (let packet = take(); packet !== null; packet = take()) received.push(packet)
        return received
      },
      async setMtu(port, mtu) {
        await ipHelper(IP_HELPER)
          .interfaceOf((port as WintunPort).luid)
          .setMtu(mtu)
      },
      async kill() {
        double.poison()
      },
      async leftovers(name) {
        return double.has(name) === 1 ? [name] : []
      },
    }
  },
  () => {
    expectClean()
    cleanUp()
  },
)

tunnelConformance(
  'wintun',
  () => ({
    backend: userspaceBackend(wintunAdapter(OPTIONS)),
    freshName,
    async kill(tunnel) {
      double.choose(tunnel.interfaceRef!.name)
      double.poison()
    },
    async leftovers(name) {
      return double.has(name) === 1 ? [name] : []
    },
    openHalfway(name) {
      double.rule('start=8*1')
      return userspaceBackend(wintunAdapter(OPTIONS)).open({ name })
    },
  }),
  () => {
    expectClean()
    cleanUp()
  },
)
