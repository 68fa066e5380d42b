/** The command line and the environment of `wireweave-daemon`, which are wireguard-go's. */
import { fstatSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { INTERFACE_NAME_RULE, isInterfacePattern } from '@wireweave/tunnel/interface-name'
import { logLevelOf } from './log.js'
import type { LogLevel } from './log.js'

export const DAEMON_USAGE = `Usage: wireweave-daemon [-f|--foreground] INTERFACE

Creates the WireGuard interface INTERFACE in user space and serves it until it is deleted. Configure it with
wg(8), ip(8) or wg-quick(8):

  wireweave-daemon wg0 && wg setconf wg0 wg0.conf && ip link set wg0 up
  WG_QUICK_USERSPACE_IMPLEMENTATION=wireweave-daemon wg-quick up wg0

Returns once the interface exists and wg(8) can talk to it. End it with "ip link delete wg0" or SIGTERM.

  -f, --foreground   do not go to the background
      --version      print the version
  -h, --help         print this

Environment
  LOG_LEVEL                  verbose, error (default) or silent; in the background nothing is logged
                             unless it is set
  WG_PROCESS_FOREGROUND=1    same as --foreground
  WG_TUN_FD, WG_UAPI_FD      descriptors of an open TUN and of a bound socket to use instead of new ones
  WIREWEAVE_ADAPTER          which adapter to use (linux-tun)
  WIREWEAVE_OFFLOADS=off     one packet at a time: slow, but rules out this machine's offloads as a fault
  WIREWEAVE_SOCKETS          linux, or dgram for Node's own sockets; the best that works here by default
  WIREWEAVE_SEALING_WORKERS  threads beside the main one that seal packets, 0 to 8; by default up to 3,
                             where two processors are left, and only while that is faster
  WIREWEAVE_KEYLOG           a file for the keys of every session, for Wireshark; for debugging only
`

export type DaemonCommand =
  | { readonly tag: 'help' | 'version' }
  | { readonly tag: 'invalid'; readonly message: string }
  | { readonly tag: 'run'; readonly interfaceName: string; readonly foreground: boolean }

/** `args` are those behind the program's name. */
export function parseDaemonArguments(args: readonly string[], env: NodeJS.ProcessEnv): DaemonCommand {
  const [first, ...rest] = args
  if (first === '--version' && rest.length === 0) return { tag: 'version' }
  if ((first === '--help' || first === '-h') && rest.length === 0) return { tag: 'help' }
  const flag = first === '-f' || first === '--foreground'
  const [interfaceName, ...surplus] = flag ? rest : args
  if (interfaceName === undefined || interfaceName.startsWith('-') || surplus.length > 0) {
    return { tag: 'invalid', message: DAEMON_USAGE.slice(0, DAEMON_USAGE.indexOf('\n')) }
  }
  if (!isInterfacePattern(interfaceName)) {
    return { tag: 'invalid', message: `An interface name has ${INTERFACE_NAME_RULE}` }
  }
  return { tag: 'run', interfaceName, foreground: flag || env['WG_PROCESS_FOREGROUND'] === '1' }
}

export interface DaemonEnvironment {
  readonly logLevel: LogLevel
  /** Whether a process in the background shall write its log to where this one does. */
  readonly logWanted: boolean
  readonly tunFd: number | null
  readonly uapiFd: number | null
  readonly keyLog: string | null
  /** A name, or `auto`. */
  readonly adapter: string
  readonly offloads: boolean
  readonly sockets: 'auto' | 'linux' | 'dgram'
  /** `null`: as many as suit the machine. */
  readonly sealingWorkers: number | null
}

export function parseDaemonEnvironment(env: NodeJS.ProcessEnv): DaemonEnvironment {
  const logLevel = logLevelOf(env['LOG_LEVEL'])
  return {
    logLevel,
    logWanted: Boolean(env['LOG_LEVEL']) && logLevel !== 'silent',
    tunFd: parseFd('WG_TUN_FD', env['WG_TUN_FD']),
    uapiFd: parseFd('WG_UAPI_FD', env['WG_UAPI_FD']),
    keyLog: env['WIREWEAVE_KEYLOG'] || null,
    adapter: env['WIREWEAVE_ADAPTER'] || 'auto',
    offloads: parseChoice('WIREWEAVE_OFFLOADS', env['WIREWEAVE_OFFLOADS'], ['on', 'off']) === 'on',
    sockets: parseChoice('WIREWEAVE_SOCKETS', env['WIREWEAVE_SOCKETS'], ['auto', 'linux', 'dgram']),
    sealingWorkers: parseSealingWorkers(env['WIREWEAVE_SEALING_WORKERS']),
  }
}

/** Throws when a descriptor that was announced is not there, before anything is opened. */
export function checkDescriptors({ tunFd, uapiFd }: DaemonEnvironment): void {
  if (tunFd !== null && statOf(tunFd) === null) throw badDescriptor('WG_TUN_FD', tunFd, 'not an open descriptor')
  if (uapiFd !== null && !statOf(uapiFd)?.isSocket()) throw badDescriptor('WG_UAPI_FD', uapiFd, 'not an open socket')
}

function statOf(fd: number): Stats | null {
  try {
    return fstatSync(fd)
  } catch {
    return null
  }
}

function badDescriptor(name: string, fd: number, what: string): WireGuardError {
  return new WireGuardError('CONFIG_INVALID', `${name} names ${fd}, which is ${what} of this process`)
}

/** One of `choices`; the first when nothing is said. */
function parseChoice<T extends string>(name: string, text: string | undefined, choices: readonly T[]): T {
  const choice = text ? choices.find((candidate) => candidate === text) : choices[0]
  if (choice !== undefined) return choice
  throw new WireGuardError('CONFIG_INVALID', `${name} is none of: ${choices.join(', ')}`)
}

function parseSealingWorkers(text: string | undefined): number | null {
  if (!text) return null
  if (/^[0-8]$/.test(text)) return Number(text)
  throw new WireGuardError('CONFIG_INVALID', 'WIREWEAVE_SEALING_WORKERS is no number from 0 to 8')
}

function parseFd(name: string, text: string | undefined): number | null {
  if (!text) return null
  if (/^[0-9]{1,6}$/.test(text)) return Number(text)
  throw new WireGuardError('CONFIG_INVALID', `${name} is not the number of a descriptor`)
}
