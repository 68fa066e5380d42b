/** What the user is told: readable lines, or JSON. */
import type { Service } from '@wireweave/proxy/proxy'
import { formatIp } from '@wireweave/tunnel/ip'
import type { NetstackTunnel } from 'wireweave'

export interface Report {
  opened(tunnel: NetstackTunnel, services: readonly Service[]): void
  /** A line of its own, about what happens; `event` is its name in JSON. */
  note(event: string, text: string): void
}

export function createReport(isJson: boolean, write: (line: string) => void): Report {
  return isJson ? jsonReport(write) : textReport(write)
}

function textReport(write: (line: string) => void): Report {
  return {
    opened(tunnel, services) {
      const { addresses, dnsServers } = tunnel.conf.quick
      const dns = dnsServers.length === 0 ? 'no DNS: only addresses work' : `DNS ${dnsServers.map(formatIp).join(', ')}`
      write(row('tunnel', `${tunnel.name}: ${addresses.map(addressText).join(', ')}; MTU ${tunnel.mtu}; ${dns}`))
      for (const service of services) write(row(service.kind === 'info' ? 'metrics' : service.kind, describe(service)))
    },
    note: (_, text) => write(`${text}\n`),
  }
}

function row(title: string, text: string): string {
  return `${title.padEnd(8)} ${text}\n`
}

function describe({ kind, protocol, address, port, target }: Service): string {
  const place = join(address, port)
  if (kind === 'info') return `http://${place}/metrics and /readyz`
  if (target === null) return place
  return `${place} → ${join(target.host, target.port)}${protocol === 'udp' ? ' (UDP)' : ''}`
}

function jsonReport(write: (line: string) => void): Report {
  const line = (value: object): void => write(`${JSON.stringify(value)}\n`)
  return {
    opened(tunnel, services) {
      for (const { kind, protocol, address, port, target } of services) {
        line({ event: 'listening', kind, protocol, address, port, ...(target !== null && { target }) })
      }
      const { addresses, dnsServers } = tunnel.conf.quick
      const { name, mtu } = tunnel
      line({
        event: 'ready',
        name,
        mtu,
        addresses: addresses.map(addressText),
        dns: dnsServers.map(formatIp),
      })
    },
    note: (event, message) => line({ event, message }),
  }
}

function addressText({ address, length }: { readonly address: Uint8Array; readonly length: number }): string {
  return `${formatIp(address)}/${length}`
}

function join(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
