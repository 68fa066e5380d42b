/** What an interface has on this machine, found from the running system alone: what `down` has to remove. */
import { findLink } from '@wireweave/netlink/link'
import type { Link } from '@wireweave/netlink/link'
import { listRoutes } from '@wireweave/netlink/route'
import { listRules } from '@wireweave/netlink/rule'
import type { NetlinkSocket } from '@wireweave/netlink/socket'
import type { HostAction, PolicyRule } from '../action.js'
import { findProgram, runCommand } from './command.js'
import { dnsRemoval } from './dns.js'
import { findDnsTool } from './facts.js'
import { iptablesRemoval, tableRemoval, tablesOf } from './firewall.js'
import { isDefaultRoute } from './host.js'

export interface Remains {
  /** `null` when the interface itself is gone, as after its process was killed. */
  readonly link: Link | null
  readonly rules: readonly PolicyRule[]
  /** Removes firewall rules. */
  readonly firewall: readonly HostAction[]
}

/** Finds what belongs to the interface, whether it is there or not. */
export async function findRemains(socket: NetlinkSocket, name: string): Promise<Remains> {
  const link = findLink(socket, name)
  const rules = ([4, 6] as const).flatMap((family) => findRules(socket, family, link))
  return { link, rules, firewall: await findFirewallRules(name) }
}

export interface DownWishes {
  readonly name: string
  readonly preDown: readonly string[]
  readonly postDown: readonly string[]
  /** Whether the configuration has DNS; `null` when it is not known. */
  readonly dns: boolean | null
}

/** Everything to remove, in the order of `wg-quick down`, hooks included. */
export function planDown(wishes: DownWishes, remains: Remains): HostAction[] {
  const { name } = wishes
  const dns = wishes.dns === false ? null : findDnsTool()
  // systemd-resolved forgets a link's servers together with the link.
  const unsetDns = dns?.tool === 'resolvconf' ? [dnsRemoval(dns, name)] : []
  return [
    ...hooks(wishes.preDown, name),
    ...remains.rules.map((rule): HostAction => ({ tag: 'deleteRule', rule })),
    ...(remains.link === null ? [] : [{ tag: 'deleteLink', name } as const]),
    ...unsetDns,
    ...remains.firewall,
    ...hooks(wishes.postDown, name),
  ]
}

function hooks(commands: readonly string[], name: string): HostAction[] {
  return commands.map((command) => ({ tag: 'hook', command: command.replaceAll('%i', name) }))
}

/**
 * A default route's table is named by the rule and has a route over the interface. When the interface went, or went
 * down, its routes went with it: a rule whose table is empty leads nowhere and goes, too.
 */
function findRules(socket: NetlinkSocket, family: 4 | 6, link: Link | null): PolicyRule[] {
  const rules: PolicyRule[] = []
  for (const { table, fwmark } of listRules(socket, family).filter(isDefaultRoute)) {
    const routes = listRoutes(socket, family, { table })
    if (routes.length > 0 && !routes.some(({ index }) => index === link?.index)) continue
    rules.push({ kind: 'defaultRoute', family, fwmark: fwmark!, table }, { kind: 'localFirst', family, besides: table })
  }
  return rules
}

async function findFirewallRules(name: string): Promise<HostAction[]> {
  const actions: HostAction[] = []
  const nft = findProgram('nft')
  if (nft !== null) {
    const listed = await outputOf(nft, ['list', 'tables'])
    const tables = new Set(listed.split('\n').map((line) => line.trim().replace(/^table /, '')))
    for (const table of tablesOf(name)) if (tables.has(table)) actions.push(tableRemoval(nft, table))
  }
  for (const family of ['iptables', 'ip6tables']) {
    const save = findProgram(`${family}-save`)
    const restore = findProgram(`${family}-restore`)
    if (save === null || restore === null) continue
    const input = iptablesRemoval(await outputOf(save, []), name)
    if (input !== '') actions.push({ tag: 'command', program: restore, args: ['-n'], input })
  }
  return actions
}

/** Nothing when the program cannot ask: a kernel without it has no rules either. */
async function outputOf(program: string, args: readonly string[]): Promise<string> {
  try {
    return await runCommand(program, args)
  } catch {
    return ''
  }
}
