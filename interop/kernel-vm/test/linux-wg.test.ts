/** The kernel's WireGuard as a backend. Runs inside the virtual machine: see ../suite.sh. */
import { execFileSync } from 'node:child_process'
import { linuxWgBackend } from '@wireweave/adapter-linux-wg/backend'
import { tunnelConformance } from '@wireweave/testkit/conformance/tunnel'

let next = 0

const backend = linuxWgBackend()

tunnelConformance('linux-wg', () => ({
  backend,
  freshName: () => `wwk${next++}`,
  kill: async (tunnel) => {
    execFileSync('ip', ['link', 'delete', tunnel.interfaceRef!.name])
  },
  openHalfway: (name) => backend.open({ name, mtu: 2 ** 31 - 1 }),
  leftovers: async (name) => {
    const links = JSON.parse(execFileSync('ip', ['-j', 'link'], { encoding: 'utf8' })) as { ifname: string }[]
    return links.map((link) => link.ifname).filter((ifname) => ifname === name)
  },
}))
