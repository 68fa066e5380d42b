/** Firewall rules of a tunnel, as text for nft or iptables-restore. */
import { WireGuardError } from '@wireweave/tunnel/errors'
import { formatIp } from '@wireweave/tunnel/ip'
import type { IpAddress } from '@wireweave/tunnel/ip'
import type { HostAction, HostStep } from '../action.js'

export type Firewall =
  | { readonly tool: 'nft'; readonly program: string }
  /** The directory that has `iptables-restore` and `ip6tables-restore`. */
  | { readonly tool: 'iptables'; readonly directory: string }

/**
 * Drops packets to an address of the tunnel that come in by any other interface (CVE-2019-14899), and gives answers to
 * the tunnel's own datagrams their mark, so that strict reverse path filters let them in. Named as `wg-quick` names it,
 * whose `down` removes it, too.
 */
export function antiSpoof(
  name: string,
  family: 4 | 6,
  addresses: readonly IpAddress[],
  mark: number,
  firewall: Firewall,
): HostStep {
  if (firewall.tool === 'nft') {
    const protocol = family === 4 ? 'ip' : 'ip6'
    const table = `${protocol} wg-quick-${tableName(name)}`
    const drops = addresses.map(
      (address) => `    iifname != "${name}" ${protocol} daddr ${formatIp(address)} fib saddr type != local drop\n`,
    )
    const text =
      `${removeTable(table)}table ${table} {\n` +
      `  chain preraw {\n    type filter hook prerouting priority -300;\n${drops.join('')}  }\n` +
      `  chain premangle {\n    type filter hook prerouting priority -150;\n    meta l4proto udp meta mark set ct mark\n  }\n` +
      `  chain postmangle {\n    type filter hook postrouting priority -150;\n    meta l4proto udp meta mark ${mark} ct mark set meta mark\n  }\n}\n`
    return { do: nft(firewall.program, text), undo: nft(firewall.program, removeTable(table)) }
  }
  const program = `${firewall.directory}/${family === 4 ? 'iptables' : 'ip6tables'}-restore`
  const run = (flag: 'I' | 'D'): HostAction => ({
    tag: 'command',
    program,
    args: ['-n'],
    input: iptablesText(flag, name, addresses, mark),
  })
  return { do: run('I'), undo: run('D') }
}

/**
 * Rejects what this machine sends, unless it goes into the tunnel, is the tunnel's own, stays on this machine or in
 * private networks, or keeps the network itself alive (DHCP, neighbour discovery). A firewall, not a route: routes that
 * a hostile network hands out (CVE-2024-3661) do not get around it.
 */
export function killSwitch(name: string, mark: number, firewall: Firewall): HostStep[] {
  if (firewall.tool !== 'nft') {
    throw new WireGuardError('NOT_SUPPORTED', 'the kill switch needs nft. Install nftables.')
  }
  const table = `inet ${killSwitchTable(name)}`
  const text =
    `${removeTable(table)}table ${table} {\n  chain output {\n    type filter hook output priority 0;\n` +
    `    oifname { "lo", "${name}" } accept\n    meta mark ${mark} accept\n` +
    `    ip daddr { ${PRIVATE_V4.join(', ')} } accept\n    ip6 daddr { ${PRIVATE_V6.join(', ')} } accept\n` +
    `    fib daddr type local accept\n` +
    `    udp sport 68 udp dport 67 accept\n    udp sport 546 udp dport 547 accept\n` +
    `    icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept\n` +
    `    reject with icmpx type admin-prohibited\n  }\n}\n`
  return [{ do: nft(firewall.program, text), undo: nft(firewall.program, removeTable(table)) }]
}

/** Removes a table and is content when there is none. */
export function tableRemoval(program: string, table: string): HostAction {
  return nft(program, removeTable(table))
}

/** Tables that can belong to an interface, as `nft list tables` names them. */
export function tablesOf(name: string): string[] {
  const table = tableName(name)
  return [`ip wg-quick-${table}`, `ip6 wg-quick-${table}`, `inet ${killSwitchTable(name)}`]
}

/** What `iptables-save` has of an interface, as text that removes it; empty when it has nothing. */
export function iptablesRemoval(saved: string, name: string): string {
  const mine = ` -m comment --comment "wg-quick(8) rule for ${name}"`
  let text = ''
  let found = false
  for (const line of saved.split('\n')) {
    if (line.startsWith('*') || line === 'COMMIT') text += `${line}\n`
    else if (line.startsWith('-A ') && line.includes(mine)) {
      text += `-D${line.slice(2)}\n`
      found = true
    }
  }
  return found ? text : ''
}

const PRIVATE_V4 = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', '224.0.0.0/4', '255.255.255.255']
const PRIVATE_V6 = ['fc00::/7', 'fe80::/10', 'ff00::/8']

function killSwitchTable(name: string): string {
  return `wireweave-kill-${tableName(name)}`
}

/** nft has no word for a name with `=` or `+`. */
function tableName(name: string): string {
  return name.replaceAll('=', '/3d').replaceAll('+', '/2b')
}

function removeTable(table: string): string {
  return `table ${table} {}\ndelete table ${table}\n`
}

function nft(program: string, input: string): HostAction {
  return { tag: 'command', program, args: ['-f', '-'], input }
}

function iptablesText(flag: 'I' | 'D', name: string, addresses: readonly IpAddress[], mark: number): string {
  const comment = `-m comment --comment "wg-quick(8) rule for ${name}"`
  const drops = addresses.map(
    (address) =>
      `-${flag} PREROUTING ! -i ${name} -d ${formatIp(address)} -m addrtype ! --src-type LOCAL -j DROP ${comment}\n`,
  )
  return (
    `*raw\n${drops.join('')}COMMIT\n*mangle\n` +
    `-${flag} POSTROUTING -m mark --mark ${mark} -p udp -j CONNMARK --save-mark ${comment}\n` +
    `-${flag} PREROUTING -p udp -j CONNMARK --restore-mark ${comment}\nCOMMIT\n`
  )
}
