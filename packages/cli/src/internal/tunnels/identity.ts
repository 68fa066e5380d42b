/** Giving up root: to whom, and for good. */
import { execFileSync } from 'node:child_process'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { forbidMemoryDumps } from '../memory-dumps.js'

export interface Identity {
  readonly uid: number
  readonly gid: number
}

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$/

/** Asks the system's own databases, whichever they are. Throws a `WireGuardError` when there is no such user or group. */
export function findIdentity(user: string | null, group: string | null): Identity {
  if (process.getuid?.() !== 0) {
    throw new WireGuardError('PERMISSION_DENIED', '--user and --group are for root, who has rights to give up')
  }
  const uid = user === null ? 0 : idOf('user', user, ['id', '-u', user])
  const gid = group !== null ? groupOf(group) : user === null ? 0 : idOf('user', user, ['id', '-g', user])
  return { uid, gid }
}

function groupOf(group: string): number {
  if (/^[0-9]+$/.test(group)) return Number(group)
  return idOf('group', group, ['getent', 'group', group])
}

function idOf(what: string, name: string, [program, ...args]: readonly string[]): number {
  if (/^[0-9]+$/.test(name) && program === 'id' && args[0] === '-u') return Number(name)
  try {
    if (!NAME.test(name)) throw new Error('not a name')
    const output = execFileSync(program!, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    const text = program === 'getent' ? output.split(':')[2]! : output
    if (/^[0-9]+$/.test(text)) return Number(text)
  } catch {
    // No such name.
  }
  throw new WireGuardError('CONFIG_INVALID', `there is no ${what} ${JSON.stringify(name)} on this machine`)
}

/** For every thread of the process; there is no way back. Throws when something is left of what was given up. */
export function become({ uid, gid }: Identity): void {
  process.setgroups!([gid])
  process.setgid!(gid)
  process.setuid!(uid)
  if (uid !== 0 && canReturn()) throw new WireGuardError('SYSTEM', 'root could not be given up for good')
  // Becoming another user resets this.
  forbidMemoryDumps()
}

function canReturn(): boolean {
  try {
    process.setuid!(0)
    return true
  } catch {
    return false
  }
}
