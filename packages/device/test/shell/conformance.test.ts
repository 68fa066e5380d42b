/** A packet adapter lifted to a backend keeps the contract of one. */
import { tunnelConformance } from '@wireweave/testkit/conformance/tunnel'
import { MemoryAdapter } from '@wireweave/testkit/memory-port'
import { linuxBindWorksHere } from '../../src/shell/bind-linux.js'
import { userspaceBackend } from '../../src/userspace-backend.js'

for (const bind of linuxBindWorksHere() ? (['dgram', 'linux'] as const) : (['dgram'] as const)) {
  tunnelConformance(`a userspace backend over ${bind} sockets`, () => {
    const adapter = new MemoryAdapter()
    const failing = new MemoryAdapter({ failFirst: 1 })
    let names = 0
    return {
      backend: userspaceBackend(adapter, { bind }),
      freshName: () => `memory${names++}`,
      kill: async (tunnel) => adapter.ports.get(tunnel.interfaceRef!.name)!.die(),
      leftovers: async (name) => [...adapter.ports.keys()].filter((open) => open === name),
      openHalfway: (name) => userspaceBackend(failing, { bind }).open({ name }),
    }
  })
}
