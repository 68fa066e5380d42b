/** The kernel's WireGuard as a backend. Runs inside the virtual machine: see ../suite.mjs. */
import { linuxWgBackend } from '@wireweave/adapter-linux-wg/backend'
import { tunnelConformance } from '@wireweave/testkit/conformance/tunnel'
import { systemLinks } from '../../rig/system-links.js'

const backend = linuxWgBackend()
let next = 0

tunnelConformance('linux-wg', () => ({
  ...systemLinks,
  backend,
  freshName: () => `wwk${next++}`,
  openHalfway: (name) => backend.open({ name, mtu: 2 ** 31 - 1 }),
}))
