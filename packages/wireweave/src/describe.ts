/** Actions in the words of this system. */
import { describeAction as describeForPosix, describeWindowsAction } from '@wireweave/host-net/action'
import type { HostAction } from '@wireweave/host-net/action'

/** What `wg-quick` would print after `[#]`; on Windows what `netsh` would be told. */
export function describeAction(action: HostAction): string {
  return process.platform === 'win32' ? describeWindowsAction(action) : describeForPosix(action)
}
