/** Every adapter this package knows, in order of preference: kernel before user space. Native code loads when one is probed or opened. */
import { userspaceBackend } from '@wireweave/device/userspace-backend'
import type { UserspaceOptions } from '@wireweave/device/userspace-backend'
import type { TunnelBackend } from '@wireweave/tunnel/backend'
import type { PacketAdapter } from '@wireweave/tunnel/packets'

/** What can be said to every adapter; each takes what concerns it. */
export interface RegistryOptions {
  /** For adapters whose data plane is ours. */
  readonly userspace?: UserspaceOptions
}

const packetAdapters: readonly (() => Promise<PacketAdapter>)[] = [
  async () => (await import('@wireweave/adapter-linux-tun/adapter')).linuxTunAdapter(),
]

export async function registry(options: RegistryOptions = {}): Promise<readonly TunnelBackend[]> {
  const adapters = await Promise.all(packetAdapters.map((load) => load()))
  return adapters.map((adapter) => userspaceBackend(adapter, options.userspace))
}
