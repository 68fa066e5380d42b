/** The file of a client, from what its server's file says. */
import { readConf } from '@wireweave/config/conf'
import { peerText } from '@wireweave/config/conf-edit'
import type { Conf } from '@wireweave/config/conf-types'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { formatIp, formatPrefix, maskPrefix, parsePrefix } from '@wireweave/tunnel/ip'
import type { IpAddress, IpPrefix } from '@wireweave/tunnel/ip'
import { encodeSecretKey } from '@wireweave/tunnel/keys'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'

export interface Client {
  readonly addresses: readonly IpAddress[]
  /** `null` when only the client knows it. */
  readonly privateKey: PrivateKey | null
  readonly presharedKey: PresharedKey | null
  readonly serverKey: PublicKey
  readonly endpoint: string
  readonly allowedIps: readonly IpPrefix[]
  readonly dns: string | null
  readonly keepalive: number
}

/** Of WireGuard, where nothing else is said. */
export const DEFAULT_PORT = 51820

/** Throws a `WireGuardError` when something in it cannot be. */
export function clientText(client: Client): string {
  const { addresses, privateKey, presharedKey, serverKey, endpoint, allowedIps, dns, keepalive } = client
  const lines = ['[Interface]', `Address = ${addresses.map(hostPrefix).map(formatPrefix).join(', ')}`]
  if (dns !== null) lines.push(`DNS = ${dns}`)
  const key = privateKey === null ? '# the private key of this device' : encodeSecretKey(privateKey, 'base64')
  lines.push(privateKey === null ? `# PrivateKey = ${key}` : `PrivateKey = ${key}`, '')
  const peer = { publicKey: serverKey, presharedKey, allowedIps, endpoint, persistentKeepaliveInterval: keepalive }
  const text = `${lines.join('\n')}\n${peerText(peer)}`
  const error = readConf(text).problems.find(({ severity }) => severity === 'error')
  if (error !== undefined) throw new WireGuardError('CONFIG_INVALID', `${error.key}: ${error.message}. ${error.remedy}`)
  return text
}

/** What `init` wrote down in a comment of the server's file, such as `# Endpoint = …`; `null` when nothing. */
export function noteOf({ document }: Conf, key: string): string | null {
  const section = document.sections.find(({ name }) => name === 'interface')
  if (section === undefined) return null
  for (const { comment } of document.lines.slice(section.start, section.end)) {
    const equals = comment.indexOf('=')
    if (equals >= 0 && comment.slice(0, equals).trim().toLowerCase() === key) return comment.slice(equals + 1).trim()
  }
  return null
}

/** A single address as a prefix. */
export function hostPrefix(address: IpAddress): IpPrefix {
  return { address, length: address.length * 8 }
}

/** The networks that the server's addresses are in. */
export function networksOf({ quick }: Conf): IpPrefix[] {
  const networks = quick.addresses.map(({ address, length }) => maskPrefix(address, length))
  return [...new Map(networks.map((network) => [formatPrefix(network), network])).values()]
}

/** A list of the command line. Throws a `WireGuardError` that names `option`. */
export function prefixesOf(list: string, option: string): IpPrefix[] {
  return list
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((item) => {
      const prefix = parsePrefix(item.includes('/') ? item : `${item}/${item.includes(':') ? 128 : 32}`)
      if (prefix !== null) return prefix
      throw new WireGuardError(
        'CONFIG_INVALID',
        `${option}: "${item}" is no IP address or network, such as 10.0.0.0/24`,
      )
    })
}

/** `host`, `host:port`, `2001:db8::1` or `[2001:db8::1]:port` to what a file takes. Throws a `WireGuardError` for another. */
export function endpointText(endpoint: string, port: number): string {
  // Who reads a file takes spaces out of it.
  if (/\s/.test(endpoint)) throw notAnEndpoint(`"${endpoint}" has a space. Write host or host:port.`)
  const text = withPort(endpoint, port)
  const error = readConf(`[Peer]\nEndpoint = ${text}\n`).problems.find(
    ({ key, severity }) => key === 'Endpoint' && severity === 'error',
  )
  if (error !== undefined) throw notAnEndpoint(`${error.message}. ${error.remedy}`)
  return text
}

function notAnEndpoint(why: string): WireGuardError {
  return new WireGuardError('CONFIG_INVALID', `--endpoint: ${why}`)
}

function withPort(endpoint: string, port: number): string {
  if (/^\[.*\]:[0-9]+$/.test(endpoint) || /^[^:]+:[0-9]+$/.test(endpoint)) return endpoint
  if (endpoint.startsWith('[')) return `${endpoint}:${port}`
  return endpoint.includes(':') ? `[${endpoint}]:${port}` : `${endpoint}:${port}`
}

export function describeAddresses(addresses: readonly IpAddress[]): string {
  return addresses.map(formatIp).join(', ')
}
