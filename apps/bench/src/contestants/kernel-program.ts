/** Run as a process inside a namespace: `kernel-program NAME` opens the kernel's WireGuard through our backend, until it is ended. */
import { linuxWgBackend } from '@wireweave/adapter-linux-wg/backend'

const tunnel = await linuxWgBackend().open({ name: process.argv[2]! })
const keepAlive = setInterval(() => {}, 2 ** 30)
process.once('SIGTERM', () => {
  clearInterval(keepAlive)
  void tunnel.close()
})
process.stdout.write('ready\n')
