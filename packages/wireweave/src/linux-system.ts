/** Linux: rtnetlink, and the programs for what is not the kernel's. */
import type { Cidr } from '@wireweave/host-net/action'
import { gatherFacts, tableNumber } from '@wireweave/host-net/linux/facts'
import { LinuxHost } from '@wireweave/host-net/linux/host'
import { findRemains, planDown } from '@wireweave/host-net/linux/remains'
import { readInterface } from '@wireweave/host-net/linux/state'
import { planUp } from '@wireweave/host-net/plan'
import type { HostPlan } from '@wireweave/host-net/plan'
import { undoAll } from '@wireweave/host-net/run'
import type { RunOptions } from '@wireweave/host-net/run'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { IpAddress } from '@wireweave/tunnel/ip'
import { startGuard } from './guarded.js'
import type { Guard } from './guarded.js'
import type { ConfiguredWishes, System, TunnelOpener } from './system.js'

export class LinuxSystem implements System {
  readonly host: LinuxHost

  constructor(opener: TunnelOpener) {
    this.host = new LinuxHost(opener)
  }

  async removeLeftovers(name: string, options: RunOptions): Promise<void> {
    const remains = await findRemains(this.host.socket, name)
    if (remains.link !== null) {
      const { kind } = remains.link
      const remedy =
        kind === 'wireguard' || kind === 'tun'
          ? `Take it down first: "wireweave down ${name}", or down() in a program.`
          : 'It is no WireGuard interface: call the file, and so this one, differently.'
      throw new WireGuardError('NAME_IN_USE', `there is an interface ${name} already. ${remedy}`)
    }
    await undoAll(planDown({ name, preDown: [], postDown: [], dns: false }, remains), this.host, options)
  }

  plan(wishes: ConfiguredWishes, endpoints: readonly IpAddress[]): Promise<HostPlan> {
    const table = tableNumber(wishes.table)
    return Promise.resolve(planUp({ ...wishes, table }, gatherFacts(this.host.socket, endpoints)))
  }

  linkIndex(name: string): number | null {
    return this.host.linkIndex(name)
  }

  readInterface(name: string): { readonly addresses: readonly Cidr[]; readonly mtu: number } {
    return readInterface(this.host.socket, name)
  }

  startGuard(name: string, atOurEnd: 'clean' | 'stay'): Guard | null {
    return startGuard(name, atOurEnd)
  }

  /** The kernel's routes and the mark follow the network by themselves. */
  follow(): void {}

  close(): void {
    this.host.close()
  }
}
