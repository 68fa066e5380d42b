/** The kernel's WireGuard as a backend. Runs inside the virtual machine: see ../suite.mjs. */
import { linuxWgBackend } from '@wireweave/adapter-linux-wg/backend'
import { tunnelConformance } from '@wireweave/testkit/conformance/tunnel'
import { expect, test } from 'vitest'
import { systemLinks } from '../../rig/system-links.js'

const backend = linuxWgBackend()
let next = 0

test('a name that ends in %d is numbered', async () => {
  await using first = await backend.open({ name: 'wwn%d' })
  await using second = await backend.open({ name: 'wwn%d' })
  expect([first, second].map((tunnel) => tunnel.interfaceRef?.name)).toEqual(['wwn0', 'wwn1'])
})

tunnelConformance('linux-wg', () => ({
  ...systemLinks,
  backend,
  freshName: () => `wwk${next++}`,
  openHalfway: (name) => backend.open({ name, mtu: 2 ** 31 - 1 }),
}))
