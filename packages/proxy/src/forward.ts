/** The words of ssh(1): `-D [bind:]port`, `-L [bind:]port:host:port` and `-R`, here with `/udp` too. */
import { parseDecimal } from '@wireweave/tunnel/ip'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { isHost, parseTarget } from './address.js'
import type { Target } from './dialer.js'
import type { Place } from './listening.js'
import type { TcpForwardOptions, TcpReverseOptions, UdpForwardOptions, UdpReverseOptions } from './proxy.js'

const LOOPBACK = '127.0.0.1'

/** `[bind:]port`, or only a port; 127.0.0.1 when it does not say where, every address for `*`. Throws a `WireGuardError`. */
export function parsePlace(option: string, text: string): Place {
  const match = /^(?:(.*):)?(\d{1,5})$/.exec(text)
  const host = match === null ? null : bindHost(match[1])
  const port = match === null ? null : parseDecimal(match[2]!, 65535)
  if (host === null || port === null)
    throw notUnderstood(option, text, '[bind:]port, such as 1080 or 127.0.0.1:1080; ports end at 65535')
  return { host: host ?? LOOPBACK, port }
}

/** Throws a `WireGuardError`. */
export function parseForward(text: string): TcpForwardOptions | UdpForwardOptions {
  const { host, port, target, protocol } = parse('-L', text)
  return { kind: 'forward', protocol, host: host ?? LOOPBACK, port, target }
}

/** Without `bind` every address of the tunnel listens. Throws a `WireGuardError`. */
export function parseReverse(text: string): TcpReverseOptions | UdpReverseOptions {
  const { host, port, target, protocol } = parse('-R', text)
  const everywhere = host === undefined || host === '::' || host === '0.0.0.0'
  return { kind: 'reverse', protocol, port, target, ...(!everywhere && { host }) }
}

/** `host:port`. Throws a `WireGuardError`. */
export function parseDestination(option: string, text: string): Target {
  const target = parseTarget(text)
  if (target === null) throw notUnderstood(option, text, 'host:port, with [ and ] around an IPv6 address')
  return target
}

interface Forward {
  readonly host: string | undefined
  readonly port: number
  readonly target: Target
  readonly protocol: 'tcp' | 'udp'
}

function parse(option: string, text: string): Forward {
  const match = /^(?:(\[[^\]]*\]|[^:[\]]*):)?(\d{1,5}):((?:\[[^\]]+\]|[^:[\]]+):\d{1,5})(?:\/(tcp|udp))?$/.exec(text)
  const port = match === null ? null : parseDecimal(match[2]!, 65535)
  const target = match === null ? null : parseTarget(match[3]!)
  const host = match === null ? null : bindHost(match[1])
  if (port === null || target === null || host === null) {
    throw notUnderstood(option, text, '[bind:]port:host:port, with [ and ] around IPv6 addresses, and /udp for UDP')
  }
  return { host, port, target, protocol: match![4] === 'udp' ? 'udp' : 'tcp' }
}

/** `undefined` when nothing is said, `null` when it cannot be a host. */
function bindHost(text: string | undefined): string | undefined | null {
  if (text === undefined) return undefined
  if (text === '' || text === '*') return '::'
  const bare = text.replace(/^\[(.*)\]$/, '$1')
  return isHost(bare) ? bare : null
}

function notUnderstood(option: string, text: string, form: string): WireGuardError {
  return new WireGuardError('CONFIG_INVALID', `${option} ${text.slice(0, 200)} is not understood. Write ${form}.`)
}
