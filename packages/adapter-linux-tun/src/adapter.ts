/**
 * Packets of this machine through a Linux TUN interface.
 *
 * @packageDocumentation
 */
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { PacketAdapter, PacketPortOptions } from '@wireweave/tunnel/packets'
import { linuxSystem, type System } from './abi.js'
import { adoptTun, createTun, NO_OFFLOADS, type OpenTun, setOffloads } from './binding.js'
import { TCP4, TCP6, UDP4, UDP6 } from './coalesce.js'
import { regionBytes } from './layout.js'
import { aborted, LinuxTunPort } from './port.js'
import { probe } from './probe.js'

export type { ActiveOffloads, LinuxTunPort } from './port.js'
export type { LinuxTunStats } from './stats.js'

export interface LinuxTunOptions {
  /**
   * An open TUN to use in place of a new one, such as `WG_TUN_FD`, attached with IFF_TUN | IFF_NO_PI and best also
   * IFF_VNET_HDR. The first port that opens owns it. Name and, unless asked for, MTU stay as they are.
   */
  readonly fd?: number
  /** Leave TCP and UDP checksums of outgoing packets to us. Without it there is no segmentation either. @default true */
  readonly checksum?: boolean
  /** Take TCP from the kernel in pieces of up to 64 KiB (TSO). @default true */
  readonly tcpSegmentation?: boolean
  /** Take UDP in large pieces where a program sends it so (USO, Linux 6.2 and later). @default true */
  readonly udpSegmentation?: boolean
  /** Hand TCP segments of one flow to the kernel in one piece. @default true */
  readonly tcpCoalescing?: boolean
  /** Hand UDP datagrams of one flow to the kernel in one piece (Linux 6.2 and later). @default true */
  readonly udpCoalescing?: boolean
}

export interface LinuxTunAdapter extends PacketAdapter {
  openPackets(options: PacketPortOptions): Promise<LinuxTunPort>
}

/** Nothing is loaded and nothing opened before `probe` or `openPackets`. */
export function linuxTunAdapter(options: LinuxTunOptions = {}): LinuxTunAdapter {
  const adapter = tunAdapter(options, linuxSystem)
  // A worker imports the default export below, which knows no options.
  return Object.keys(options).length === 0 ? { ...adapter, module: import.meta.url } : adapter
}

/** The adapter with its defaults. */
const adapter: LinuxTunAdapter = linuxTunAdapter()
export default adapter

/** The adapter over a given system; for tests. */
export function tunAdapter(options: LinuxTunOptions, system: () => System): LinuxTunAdapter {
  let fd = options.fd ?? null
  return {
    name: 'linux-tun',
    dataPlane: 'userspace',
    reach: 'host',
    regionBytes,
    async probe() {
      return probe(system, fd)
    },
    async openPackets(portOptions) {
      if (portOptions.signal?.aborted === true) throw aborted()
      const port = openPort(system(), fd, options, portOptions)
      fd = null
      return port
    },
  }
}

const DEFAULT_MTU = 1420
const MIN_MTU = 68
const MAX_MTU = 65535

function openPort(
  system: System,
  fd: number | null,
  options: LinuxTunOptions,
  portOptions: PacketPortOptions,
): LinuxTunPort {
  // An adopted interface has an MTU already.
  const mtu = portOptions.mtu ?? (fd === null ? DEFAULT_MTU : undefined)
  if (mtu !== undefined && !(Number.isInteger(mtu) && mtu >= MIN_MTU && mtu <= MAX_MTU)) {
    throw new WireGuardError('CONFIG_INVALID', `${mtu} cannot be an MTU: a TUN takes ${MIN_MTU} to ${MAX_MTU}`)
  }
  const tun = fd === null ? createTun(system, portOptions.name) : adoptTun(system, fd)
  try {
    return configure(system, tun, options, mtu === undefined ? portOptions : { ...portOptions, mtu })
  } catch (error) {
    if (fd === null) system.close(tun.fd)
    throw error
  }
}

function configure(
  system: System,
  tun: OpenTun,
  options: LinuxTunOptions,
  portOptions: PacketPortOptions,
): LinuxTunPort {
  const wanted = {
    checksum: options.checksum ?? true,
    tcpSegmentation: options.tcpSegmentation ?? true,
    udpSegmentation: options.udpSegmentation ?? true,
  }
  const received = tun.hasHeader ? setOffloads(system, tun.fd, wanted) : NO_OFFLOADS
  // A kernel that gives no large UDP packets takes none either: both came with Linux 6.2.
  const kernelJoinsUdp = received.udpSegmentation || !wanted.udpSegmentation || !wanted.checksum
  const tcp = (options.tcpCoalescing ?? true) ? TCP4 | TCP6 : 0
  const udp = (options.udpCoalescing ?? true) && kernelJoinsUdp ? UDP4 | UDP6 : 0
  return new LinuxTunPort(system, tun, received, tcp | udp, portOptions)
}
