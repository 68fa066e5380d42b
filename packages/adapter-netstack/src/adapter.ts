/**
 * An in-process TCP/IP stack as a packet adapter: a tunnel without root, driver or interface.
 *
 * @packageDocumentation
 */
import { WireGuardError } from '@wireweave/tunnel/errors'
import { type IpAddress, parsePrefix } from '@wireweave/tunnel/ip'
import type { PacketAdapter, PacketPortOptions } from '@wireweave/tunnel/packets'
import type { TcpOptions } from './core/stack.js'
import { Host } from './host.js'
import { aborted, NetstackPort, regionBytes } from './port.js'

export type { Host, NetstackPort, TcpOptions }

export interface NetstackOptions {
  /** What the stack answers to, such as `10.0.0.2` or `fd00::2/128`: the `Address` of wg-quick. A prefix length is ignored. */
  readonly addresses: readonly string[]
  /** Limits of TCP; see {@link TcpOptions}. */
  readonly tcp?: Partial<TcpOptions>
  /** Monotonic milliseconds. @default performance.now */
  readonly now?: () => number
}

export interface NetstackAdapter extends PacketAdapter {
  readonly reach: 'process'
  /** The stack and what drives it; there is one, whichever port carries its packets. */
  readonly host: Host
  /** One port at a time. When it closes, so does every connection. */
  openPackets(options: PacketPortOptions): Promise<NetstackPort>
}

const DEFAULT_MTU = 1420
/** RFC 791 §3.1. */
const MIN_MTU = 576
const MAX_MTU = 65535

/** Throws a TypeError for a text that is no address. */
export function netstackAdapter(options: NetstackOptions): NetstackAdapter {
  const { tcp, now } = options
  const addresses = options.addresses.map(addressOf)
  const host = new Host({ addresses, mtu: DEFAULT_MTU, ...(tcp && { tcp }), ...(now && { now }) })
  return {
    name: 'netstack',
    dataPlane: 'userspace',
    reach: 'process',
    host,
    regionBytes,
    async probe() {
      return { available: true }
    },
    async openPackets(portOptions) {
      if (portOptions.signal?.aborted === true) throw aborted()
      const mtu = portOptions.mtu ?? DEFAULT_MTU
      if (!(Number.isInteger(mtu) && mtu >= MIN_MTU && mtu <= MAX_MTU)) {
        throw new WireGuardError('CONFIG_INVALID', `${mtu} cannot be an MTU: the stack takes ${MIN_MTU} to ${MAX_MTU}`)
      }
      if (host.isUp) {
        throw new WireGuardError('NAME_IN_USE', 'this stack is in a tunnel already: close it, or make another adapter')
      }
      host.stack.setMtu(mtu, host.now())
      return new NetstackPort(host, portOptions, mtu)
    },
  }
}

/** `IpAddress` of `10.0.0.2/32`, host bits and all. */
function addressOf(text: string): IpAddress {
  const prefix = parsePrefix(text.split('/', 1)[0]!)
  if (prefix === null || parsePrefix(text) === null) throw new TypeError(`"${text}" is no IP address`)
  return prefix.address
}
