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
  // Root in another group is still root.
  if (user === null) throw new WireGuardError('CONFIG_INVALID', '--group goes with --user. Add --user NAME.')
  const uid = idOf('user', user, ['id', '-u', user])
  if (uid === 0) throw new WireGuardError('CONFIG_INVALID', `--user ${user} is root, which is to be given up`)
  const gid = group !== null ? groupOf(group) : idOf('user', user, ['id', '-g', user])
  return { uid, gid }
}

function groupOf(group: string): number {
  if (isId(group)) return Number(group)
  return idOf('group', group, ['getent', 'group', group])
}

function idOf(what: string, name: string, [program, ...args]: readonly string[]): number {
  if (isId(name) && args[0] === '-u') return Number(name)
  try {
    // As root runs it: not from the folder it happens to be in.
    const env = { ...process.env, PATH: absolutePath(process.env['PATH'] ?? '') }
    if (!NAME.test(name)) throw new Error('not a name')
    const output = execFileSync(program!, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], env }).trim()
    const text = program === 'getent' ? output.split(':')[2]! : output
    if (isId(text)) return Number(text)
  } catch {
    // No such name.
  }
  throw new WireGuardError('CONFIG_INVALID', `there is no ${what} ${JSON.stringify(name)} on this machine`)
}

/** The largest means "unchanged" to the kernel. */
function isId(text: string): boolean {
  return /^[0-9]{1,10}$/.test(text) && Number(text) < 0xffff_ffff
}

function absolutePath(path: string): string {
  const folders = path.split(':').filter((folder) => folder.startsWith('/'))
  return folders.length === 0 ? '/usr/bin:/bin' : folders.join(':')
}

/** For every thread of the process; there is no way back. Throws when something is left of what was given up. */
export function become({ uid, gid }: Identity): void {
  process.setgroups!([gid])
  process.setgid!(gid)
  process.setuid!(uid)
  if (canReturn()) throw new WireGuardError('SYSTEM', 'root could not be given up for good')
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
