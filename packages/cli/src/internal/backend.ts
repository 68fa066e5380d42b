/** Which backend a daemon opens. */
import type { TunnelBackend } from '@wireweave/tunnel/backend'
import { selectBackend } from '@wireweave/tunnel/select'
import { registry } from 'wireweave'
import type { DaemonEnvironment } from './daemon-arguments.js'
import type { KeyLog } from './key-log.js'

/** Like wireguard-go, a daemon is for user space: where the kernel is wanted, `ip link add type wireguard` is the way. */
export async function daemonBackend(_environment: DaemonEnvironment, _keyLog: KeyLog | null): Promise<TunnelBackend> {
  const all = await registry({})
  const wanted = process.env['WIREWEAVE_ADAPTER'] ?? 'auto'
  const { backend } = await selectBackend({
    backends: all.filter((backend) => backend.dataPlane === 'userspace'),
    wanted,
    wantedBy: 'WIREWEAVE_ADAPTER',
  })
  return backend
}
