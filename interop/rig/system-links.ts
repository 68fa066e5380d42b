/** What the system says of interfaces, for the contract suites. */
import { execFileSync } from 'node:child_process'
import type { Tunnel } from '@wireweave/tunnel/backend'

interface ShownLink {
  readonly ifname: string
  readonly flags: readonly string[]
}

function links(): ShownLink[] {
  return JSON.parse(execFileSync('ip', ['-j', 'link'], { encoding: 'utf8' })) as ShownLink[]
}

/** The part of a fixture that is the same for every backend with an interface of the system. */
export const systemLinks = {
  isUp: async (name: string): Promise<boolean> =>
    links().some((link) => link.ifname === name && link.flags.includes('UP')),
  leftovers: async (name: string): Promise<readonly string[]> =>
    links()
      .map((link) => link.ifname)
      .filter((ifname) => ifname === name),
  kill: async (tunnel: Tunnel): Promise<void> => {
    execFileSync('ip', ['link', 'delete', tunnel.interfaceRef!.name])
  },
}
