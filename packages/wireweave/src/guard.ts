/**
 * Removes what a killed process left of its interface: rules, firewall, DNS, socket. Run as `node guard.js NAME` by the
 * shell of `guarded.ts` when that process has ended; the interface itself ends with it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { LinuxHost } from '@wireweave/host-net/linux/host'
import { findRemains, planDown } from '@wireweave/host-net/linux/remains'
import { undoAll } from '@wireweave/host-net/run'
import { removeStaleSocket } from './uapi-path.js'

const LOOKS = 50
const PAUSE_MS = 100

const name = process.argv[2]!
using host = new LinuxHost()
for (let look = 0; look < LOOKS; look++) {
  const remains = await findRemains(host.socket, name)
  if (remains.link === null) {
    await removeStaleSocket(name)
    await undoAll(planDown({ name, preDown: [], postDown: [], dns: null }, remains), host)
    break
  }
  // The kernel is still closing the killed process, or somebody has brought the interface up again.
  await sleep(PAUSE_MS)
}
