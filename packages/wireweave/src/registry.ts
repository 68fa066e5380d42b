/** Every adapter this package knows, in order of preference: kernel before user space. Native code loads when one is probed or opened. */
import { userspaceBackend } from '@wireweave/device/userspace-backend'
import type { UserspaceOptions } from '@wireweave/device/userspace-backend'
import type { TunnelBackend } from '@wireweave/tunnel/backend'

/** What can be said to every adapter; each takes what concerns it. */
export interface RegistryOptions {
  /** For adapters whose data plane is ours. */
  readonly userspace?: UserspaceOptions
}

type Load = (options: RegistryOptions) => Promise<TunnelBackend>

const loaders: readonly Load[] = [
  async () => (await import('@wireweave/adapter-linux-wg/backend')).linuxWgBackend(),
  async ({ userspace }) => {
    const { linuxTunAdapter } = await import('@wireweave/adapter-linux-tun/adapter')
    return userspaceBackend(linuxTunAdapter(), userspace)
  },
]

export function registry(options: RegistryOptions = {}): Promise<readonly TunnelBackend[]> {
  return Promise.all(loaders.map((load) => load(options)))
}
