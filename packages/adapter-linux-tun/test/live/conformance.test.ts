import { packetPortConformance, type PacketPortFixture } from '@wireweave/testkit/conformance/packet-port'
import type { PacketPort } from '@wireweave/tunnel/packets'
import { afterAll, beforeAll, describe } from 'vitest'
import { linuxTunAdapter } from '../../src/adapter.js'
import { PacketSocket } from './packet-socket.js'
import { freshName, ip, isolate, missing } from './rig.js'

const lacking = missing()

describe.skipIf(lacking !== null)('on this machine', () => {
  let leave = (): void => {}
  beforeAll(() => {
    leave = isolate()
  })
  afterAll(() => leave())

  const sockets = new Map<PacketPort, PacketSocket>()

  function create(): PacketPortFixture {
    const names: string[] = []
    return {
      adapter: linuxTunAdapter(),
      freshName() {
        names.push(freshName())
        return names.at(-1)!
      },
      async prepare(port) {
        const { name, index } = port.interfaceRef!
        ip('link', 'set', name, 'up')
        sockets.set(port, new PacketSocket(index))
      },
      host: Uint8Array.of(10, 66, 0, 1),
      remote: Uint8Array.of(10, 66, 0, 2),
      async hostSends(port, packet) {
        sockets.get(port)!.send(packet)
      },
      async hostReceived(port) {
        const socket = sockets.get(port)!
        socket.drain()
        return socket.received.filter((packet) => packet.length >= 20 && packet[0] === 0x45 && packet[9] === 253)
      },
      async setMtu(port, mtu) {
        ip('link', 'set', port.interfaceRef!.name, 'mtu', String(mtu))
      },
      async kill(port) {
        ip('link', 'del', port.interfaceRef!.name)
      },
      async leftovers(name) {
        return ip('-o', 'link', 'show')
          .split('\n')
          .filter((line) => line.includes(` ${name}:`))
      },
    }
  }

  packetPortConformance('linux-tun', create, () => {
    for (const socket of sockets.values()) socket.close()
    sockets.clear()
  })
})
