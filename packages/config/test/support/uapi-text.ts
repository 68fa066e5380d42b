/** UAPI text as a client writes it, in the plainest way: the other half of a round trip. */
import type { DeviceUpdate } from '@wireweave/tunnel/config'
import { formatEndpoint, formatPrefix } from '@wireweave/tunnel/ip'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const ZERO = '0'.repeat(64)

/** The lines of `update`, without `set=1` and the blank line. */
export function setLines(update: DeviceUpdate): string[] {
  const lines: string[] = []
  const { privateKey, listenPort, fwmark } = update
  if (privateKey !== undefined) lines.push(`private_key=${privateKey === null ? ZERO : hex(privateKey)}`)
  if (listenPort !== undefined) lines.push(`listen_port=${listenPort}`)
  if (fwmark !== undefined) lines.push(`fwmark=${fwmark ?? 0}`)
  if (update.replacePeers) lines.push('replace_peers=true')
  for (const peer of update.peers ?? []) {
    lines.push(`public_key=${hex(peer.publicKey)}`)
    if (peer.remove) lines.push('remove=true')
    if (peer.updateOnly) lines.push('update_only=true')
    if (peer.presharedKey !== undefined)
      lines.push(`preshared_key=${peer.presharedKey === null ? ZERO : hex(peer.presharedKey)}`)
    if (peer.endpoint !== undefined) lines.push(`endpoint=${formatEndpoint(peer.endpoint)}`)
    if (peer.persistentKeepaliveInterval !== undefined) {
      lines.push(`persistent_keepalive_interval=${peer.persistentKeepaliveInterval}`)
    }
    if (peer.replaceAllowedIps) lines.push('replace_allowed_ips=true')
    for (const ip of peer.allowedIps ?? []) lines.push(`allowed_ip=${ip.remove ? '-' : ''}${formatPrefix(ip)}`)
  }
  return lines
}

export function setText(update: DeviceUpdate): string {
  return ['set=1', ...setLines(update), '', ''].join('\n')
}
