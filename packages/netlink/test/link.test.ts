/** Against the kernel: an interface of our own name comes and goes. */
import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { resolveFamily } from '../src/generic.js'
import { createLink, deleteLink, findLink, setLinkMtu, setLinkUp } from '../src/link.js'
import { NETLINK_GENERIC, NETLINK_ROUTE, NetlinkSocket } from '../src/socket.js'

const missing = process.platform !== 'linux' ? 'Linux' : process.getuid?.() !== 0 ? 'root' : null
if (missing !== null && process.env['CI']) throw new Error(`needs ${missing}`)

const name = `wwnl${process.pid % 100000}`

test.skipIf(missing !== null)(
  `an interface is created, changed, found and deleted (needs ${missing ?? 'nothing more'})`,
  () => {
    using socket = new NetlinkSocket(NETLINK_ROUTE)
    expect(findLink(socket, name)).toBeNull()
    // A veth pair needs no module that a container may lack; its other end goes with it.
    const link = createLink(socket, name, 'veth', 1300)
    try {
      expect(link).toMatchObject({ name, mtu: 1300, isUp: false, kind: 'veth' })
      expect(() => createLink(socket, name, 'veth')).toThrow(/EEXIST/)
      setLinkMtu(socket, link.index, 1400)
      setLinkUp(socket, link.index, true)
      expect(findLink(socket, name)).toMatchObject({ index: link.index, mtu: 1400, isUp: true })
      const [shown] = JSON.parse(execFileSync('ip', ['-j', 'link', 'show', name], { encoding: 'utf8' })) as {
        mtu: number
      }[]
      expect(shown!.mtu).toBe(1400)
    } finally {
      deleteLink(socket, link.index)
    }
    expect(findLink(socket, name)).toBeNull()
    deleteLink(socket, link.index)
  },
)

test.skipIf(missing !== null)('refusals carry the number, the name and what was tried', () => {
  using socket = new NetlinkSocket(NETLINK_ROUTE)
  expect(() => createLink(socket, name, 'no-such-kind')).toThrow(/creating the no-such-kind interface .*EOPNOTSUPP/)
  using generic = new NetlinkSocket(NETLINK_GENERIC)
  expect(resolveFamily(generic, 'nlctrl')).toBe(16)
  expect(() => resolveFamily(generic, 'no_such_family')).toThrow(/ENOENT/)
})
