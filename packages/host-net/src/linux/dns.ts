/** Telling the system's resolver about DNS servers of a tunnel, as commands. */
import { formatIp } from '@wireweave/tunnel/ip'
import type { IpAddress } from '@wireweave/tunnel/ip'
import type { HostAction, HostStep } from '../action.js'

export type DnsTool =
  /** openresolv or Debian's resolvconf; `prefix` is what its order of interfaces wants before a tunnel's name. */
  | { readonly tool: 'resolvconf'; readonly program: string; readonly prefix: string }
  | { readonly tool: 'resolvectl'; readonly program: string }

/** These servers and no others, as long as the interface is up. */
export function dnsCommands(
  dns: DnsTool,
  name: string,
  servers: readonly IpAddress[],
  search: readonly string[],
): HostStep[] {
  const { program } = dns
  const undo = dnsRemoval(dns, name)
  if (dns.tool === 'resolvconf') {
    const lines = servers.map((server) => `nameserver ${formatIp(server)}\n`)
    if (search.length > 0) lines.push(`search ${search.join(' ')}\n`)
    const args = ['-a', dns.prefix + name, '-m', '0', '-x']
    return [{ do: { tag: 'command', program, args, input: lines.join('') }, undo }]
  }
  // The domain `~.` makes the servers of this link the ones for all names.
  const runs = [
    ['dns', name, ...servers.map(formatIp)],
    ['domain', name, '~.', ...search],
  ]
  return runs.map((args, i) => ({ do: { tag: 'command', program, args, input: '' }, undo: i === 0 ? undo : null }))
}

export function dnsRemoval(dns: DnsTool, name: string): HostAction {
  const { program } = dns
  const args = dns.tool === 'resolvconf' ? ['-d', dns.prefix + name, '-f'] : ['revert', name]
  return { tag: 'command', program, args, input: '' }
}
