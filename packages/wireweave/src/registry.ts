/**
 * Every adapter this package knows, in order of preference: kernel before user space. Native code loads when one is probed
 * or opened.
 */
import type { NetstackAdapter } from '@wireweave/adapter-netstack/adapter'
import type { WgntOptions } from '@wireweave/adapter-wgnt/backend'
import type { WintunOptions } from '@wireweave/adapter-wintun/adapter'
import { userspaceBackend } from '@wireweave/device/userspace-backend'
import type { UserspaceOptions } from '@wireweave/device/userspace-backend'
import type { OpenBind } from '@wireweave/device/shell/bind'
import type { TunnelBackend } from '@wireweave/tunnel/backend'

/** What can be said to every adapter; each takes what concerns it. */
export interface RegistryOptions {
  /** For adapters whose data plane is ours. */
  readonly userspace?: UserspaceOptions
  /**
   * A TUN that is open already, such as one that another process passed on: `linux-tun` uses it for the first tunnel.
   * The interface keeps its name.
   */
  readonly tunFd?: number
  /** `false`: packets go one by one, to find out whether an offload of this machine is to blame for a fault. */
  readonly offloads?: boolean
  /**
   * The stack that `netstack` joins to the device; `netstackAdapter` makes one. Absent: one without addresses, which
   * carries nothing. `openNetstackTunnel` does all this from a configuration.
   */
  readonly netstack?: NetstackAdapter
  /** Where wireguard.dll is, and who must have signed it. */
  readonly wgnt?: WgntOptions
  /** Where wintun.dll is, and how it is used. */
  readonly wintun?: WintunOptions
}

type Load = (options: RegistryOptions) => Promise<TunnelBackend>

const linux: readonly Load[] = [
  async () => (await import('@wireweave/adapter-linux-wg/backend')).linuxWgBackend(),
  async (options) => {
    const { linuxTunAdapter } = await import('@wireweave/adapter-linux-tun/adapter')
    const { tunFd, offloads = true, userspace } = options
    const fd = tunFd === undefined ? {} : { fd: tunFd }
    if (offloads) return userspaceBackend(linuxTunAdapter(fd), userspace)
    const adapter = linuxTunAdapter({ ...fd, checksum: false, tcpCoalescing: false, udpCoalescing: false })
    return userspaceBackend(adapter, { ...userspace, bind: userspace?.bind ?? (await bindWithoutOffloads()) })
  },
]

const windows: readonly Load[] = [
  async ({ wgnt }) => (await import('@wireweave/adapter-wgnt/backend')).wgntBackend(wgnt),
  async ({ wintun, offloads = true, userspace }) => {
    const { wintunAdapter } = await import('@wireweave/adapter-wintun/adapter')
    const bind = userspace?.bind ?? (offloads ? 'auto' : await bindWithoutOffloads())
    return userspaceBackend(wintunAdapter(wintun), { ...userspace, bind })
  },
]

const anywhere: Load = async ({ netstack, userspace }) => {
  if (netstack !== undefined) return userspaceBackend(netstack, userspace)
  const { netstackAdapter } = await import('@wireweave/adapter-netstack/adapter')
  // A stack of nobody's own needs no thread of its own either, and could not go to one.
  return userspaceBackend(netstackAdapter({ addresses: [] }), { ...userspace, worker: false })
}

/** Those of this system first; the others say why they do not work here. */
const loaders = process.platform === 'win32' ? [...windows, ...linux, anywhere] : [...linux, ...windows, anywhere]

async function bindWithoutOffloads(): Promise<OpenBind | 'dgram'> {
  if (process.platform === 'win32') {
    const { windowsBind, windowsBindWorksHere } = await import('@wireweave/device/shell/bind-windows')
    return windowsBindWorksHere() ? windowsBind({ features: { segmentation: false } }) : 'dgram'
  }
  const { linuxBind, linuxBindWorksHere } = await import('@wireweave/device/shell/bind-linux')
  return linuxBindWorksHere() ? linuxBind({ features: { segmentation: false, coalescing: false } }) : 'dgram'
}

export function registry(options: RegistryOptions = {}): Promise<readonly TunnelBackend[]> {
  return Promise.all(loaders.map((load) => load(options)))
}
