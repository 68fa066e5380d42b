/** Windows: iphlpapi. An adapter takes its addresses and routes with it, also when this process is killed. */
import type { Cidr } from '@wireweave/host-net/action'
import type { HostPlan } from '@wireweave/host-net/plan'
import { removeStaleBypasses } from '@wireweave/host-net/win32/bypass'
import { gatherWindowsFacts } from '@wireweave/host-net/win32/facts'
import { followDefaultRoute } from '@wireweave/host-net/win32/follow'
import { WindowsHost } from '@wireweave/host-net/win32/host'
import { Machine } from '@wireweave/host-net/win32/machine'
import { planWindowsUp } from '@wireweave/host-net/win32/plan'
import type { NetworkAware } from '@wireweave/device/userspace-backend'
import type { Tunnel } from '@wireweave/tunnel/backend'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { IpAddress } from '@wireweave/tunnel/ip'
import { chooseBackend } from './open-tunnel.js'
import type { ConfiguredWishes, System, TunnelOpener } from './system.js'
import type { UpOptions } from './up-options.js'

const TABLES: Readonly<Record<string, 'auto' | 'off' | number>> = { auto: 'auto', off: 'off', main: 'auto' }

export class WindowsSystem implements System {
  readonly host: WindowsHost
  readonly #options: UpOptions
  #stopFollowing: () => void = () => {}

  constructor(opener: TunnelOpener, options: UpOptions) {
    this.#options = options
    this.host = new WindowsHost(opener, {
      machine: new Machine(options.wgnt?.iphlpapi ?? options.wintun?.ipHelper),
    })
  }

  removeLeftovers(name: string): Promise<void> {
    if (this.host.machine.luidOf(name) === null) return Promise.resolve()
    const remedy = 'End the process or service that has it, or choose another name.'
    return Promise.reject(new WireGuardError('NAME_IN_USE', `there is an interface ${name} already. ${remedy}`))
  }

  async plan(wishes: ConfiguredWishes, endpoints: readonly IpAddress[]): Promise<HostPlan> {
    const table = TABLES[wishes.table] ?? Number(wishes.table)
    const { backend } = await chooseBackend(this.#options)
    removeStaleBypasses(this.host.machine, endpoints)
    const facts = gatherWindowsFacts(this.host.machine, endpoints, backend.dataPlane === 'userspace')
    return planWindowsUp({ ...wishes, table }, facts)
  }

  linkIndex(name: string): number | null {
    const luid = this.host.machine.luidOf(name)
    return luid === null ? null : (this.host.machine.link(luid)?.index ?? null)
  }

  readInterface(name: string): { readonly addresses: readonly Cidr[]; readonly mtu: number } {
    const { machine } = this.host
    const luid = machine.luidOf(name)
    if (luid === null) throw new WireGuardError('NO_SUCH_INTERFACE', `there is no interface ${name}`)
    const addresses = machine.addresses().filter((row) => row.luid === luid && !isLinkLocal(row))
    const mtu = machine.ipInterface(luid, 4)?.mtu ?? machine.ipInterface(luid, 6)?.mtu ?? 0
    return { addresses: addresses.map(({ address, length }) => ({ address, length })), mtu }
  }

  startGuard(): null {
    return null
  }

  /**
   * Sockets of user space are kept to the interface that leads out, beside the routes around the tunnel: those are for the
   * endpoints of the configuration, and sockets that cannot be kept; this is for endpoints that a peer moves to, a name
   * changes to or somebody sets later. Only where the tunnel is the default route: sockets that are kept to one interface
   * reach no endpoint on another.
   */
  follow(name: string, wishes: ConfiguredWishes, plan: HostPlan, tunnel: Tunnel & Partial<NetworkAware>): void {
    const { machine } = this.host
    const luid = machine.luidOf(name)
    if (luid === null) return
    const bypasses = plan.steps.flatMap((step) => (step.do.tag === 'addBypass' ? step.do : []))
    const onWayOut = (family: 4 | 6, index: number): void => {
      // A tunnel that is closing does not send any more.
      if (isDefaultRoute(wishes, family)) tunnel.sendThrough?.(family, index).catch(() => undefined)
    }
    this.#stopFollowing = followDefaultRoute({ machine, luid, mtu: wishes.mtu === null, bypasses, onWayOut })
  }

  close(): void {
    this.#stopFollowing()
  }
}

/** Also by halves, the way of those who want no kill switch. */
function isDefaultRoute({ table, allowedIps }: ConfiguredWishes, family: 4 | 6): boolean {
  const isWide = ({ address, length }: Cidr): boolean => length <= 1 && address.length === (family === 4 ? 4 : 16)
  return table !== 'off' && allowedIps.some(isWide)
}

/** fe80::/10, which Windows makes by itself. */
function isLinkLocal({ address }: Cidr): boolean {
  return address.length === 16 && address[0] === 0xfe && (address[1]! & 0xc0) === 0x80
}
