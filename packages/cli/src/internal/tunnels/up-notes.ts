/** What `wireweave up` tells besides what it does, marked as `wg-quick` marks it. */
import { isReadableByAll } from 'wireweave'
import type { Selection } from 'wireweave'
import type { Conf } from '@wireweave/config/conf-types'
import { describeRetry } from '../lookup-retry.js'
import { say, styleOf } from '../terminal.js'

export function noteSelection({ backend, why, skipped }: Selection): string[] {
  const { magenta } = styleOf(2)
  const notes = skipped.map(({ name, reason, remedy }) => `${magenta('[!]')} ${name} passed over: ${reason}. ${remedy}`)
  return [...notes, `[#] adapter ${backend.name} (${why})`]
}

export function noteRetry(host: string, pauseMs: number): string {
  return `${styleOf(2).magenta('[!]')} ${describeRetry(host, pauseMs)}`
}

/** As `wg-quick` does. A file that is not there, or not for us to see, is somebody else's to report. */
export function warnIfReadable(file: string): void {
  if (!isReadableByAll(file)) return
  // Names of groups are in the language of that Windows; these are SYSTEM and Administrators.
  const icacls = `icacls "${file}" /inheritance:r /grant:r *S-1-5-18:F *S-1-5-32-544:F`
  const remedy = process.platform === 'win32' ? icacls : 'chmod 600 it'
  say(`${styleOf(2).magenta('Warning:')} ${file} can be read by everybody: ${remedy}`)
}

/** What can no longer be done once the rights are given up. */
export function noteIdentity(isKernel: boolean, { quick: { hooks, saveConfig } }: Conf): string {
  const mark = styleOf(2).magenta('[!]')
  if (isKernel) return `${mark} the kernel runs this tunnel: there is no process whose rights could be given up`
  const lost = ['a firewall mark and a port below 1024 can no longer be set', 'a reload may not read the file']
  if (hooks.preDown.length + hooks.postDown.length > 0) lost.push('PreDown and PostDown run only by "wireweave down"')
  if (saveConfig) lost.push('the file is saved only by "wireweave save" and "wireweave down"')
  return `${mark} root is given up: ${lost.join('; ')}. A guard, which is root, removes rules, firewall and DNS at the end.`
}
