/** Which backend a daemon opens. */
import type { TunnelBackend } from '@wireweave/tunnel/backend'
import { selectBackend } from '@wireweave/tunnel/select'
import { registry } from 'wireweave'
import type { DaemonEnvironment } from './daemon-arguments.js'
import type { KeyLog } from './key-log.js'

/** Like wireguard-go, a daemon is for user space: where the kernel is wanted, `ip link add type wireguard` is the way. */
export async function daemonBackend(environment: DaemonEnvironment, keyLog: KeyLog | null): Promise<TunnelBackend> {
  const { adapter, offloads, sockets, sealingWorkers, tunFd } = environment
  const all = await registry({
    offloads,
    ...(tunFd === null ? {} : { tunFd }),
    userspace: {
      // Elsewhere its thread would wait in its event loop, too.
      worker: process.platform === 'linux' ? 'auto' : false,
      // Without offloads the registry brings sockets of its own.
      ...(sockets === 'auto' ? {} : { bind: sockets }),
      ...(sealingWorkers === null ? {} : { sealingWorkers }),
      ...(keyLog === null ? {} : { onHandshakeSecrets: (secrets) => keyLog.write(secrets) }),
    },
  })
  const { backend } = await selectBackend({
    backends: all.filter(({ dataPlane }) => dataPlane === 'userspace'),
    wanted: adapter,
    wantedBy: 'WIREWEAVE_ADAPTER',
  })
  return backend
}
