/** The contract suite that every backend passes, over real TUNs: on the main thread and in a worker. */
import { linuxTunAdapter } from '@wireweave/adapter-linux-tun/adapter'
import { userspaceBackend } from '@wireweave/device/userspace-backend'
import { tunnelConformance } from '@wireweave/testkit/conformance/tunnel'
import { describeWith } from '../rig/needs.js'
import { systemLinks } from '../rig/system-links.js'

let next = 0

describeWith('linux-tun', [], () => {
  for (const worker of [false, true]) {
    const backend = userspaceBackend(linuxTunAdapter(), { worker })
    tunnelConformance(worker ? 'linux-tun in a worker' : 'linux-tun', () => ({
      ...systemLinks,
      backend,
      freshName: () => `wwc${process.pid % 10000}x${next++}`,
      openHalfway: (name) => backend.open({ name, mtu: 67 }),
    }))
  }
})
