/** `wg-quick down` as a function: finds what an interface has on this machine, whoever brought it up, and removes it. */
import { existsSync } from 'node:fs'
import { readConf } from '@wireweave/config/conf'
import type { Conf } from '@wireweave/config/conf-types'
import type { HostAction } from '@wireweave/host-net/action'
import { LinuxHost } from '@wireweave/host-net/linux/host'
import { findRemains, planDown } from '@wireweave/host-net/linux/remains'
import { readInterface } from '@wireweave/host-net/linux/state'
import { undoAll } from '@wireweave/host-net/run'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { formatPrefix } from '@wireweave/tunnel/ip'
import { locateConf, readConfFile } from './conf-file.js'
import type { ConfSource } from './conf-file.js'
import { isUapiServed } from './uapi-path.js'

export interface DownOptions {
  /** As for `up`. A file that does not exist is no error: then there are no hooks. */
  readonly config: ConfSource
  readonly hooks?: boolean
  readonly onAction?: (action: HostAction) => void
  /** Called after PreDown and before anything is removed, with the configuration if there is one: the place to save. */
  readonly beforeRemoval?: (conf: Conf | null) => Promise<void>
}

/** Rejects with a `WireGuardError`: `NO_SUCH_INTERFACE` when there is nothing of that name, else with what is left. */
export async function down(options: DownOptions): Promise<void> {
  if (process.platform !== 'linux') {
    const remedy = 'Have whoever called "up" call "down" of what it got, or run "wireweave down".'
    throw new WireGuardError('NOT_SUPPORTED', `"down" finds interfaces of other processes on Linux only. ${remedy}`)
  }
  const { name, conf } = readWhatThereIs(options.config)
  const hooks = options.hooks === false ? null : (conf?.quick.hooks ?? null)
  using host = new LinuxHost()
  const remains = await findRemains(host.socket, name)
  if (remains.link !== null && !(await isTunnel(host, remains.link, conf))) throw notOurs(remains.link)
  if (remains.link === null && remains.rules.length === 0 && remains.firewall.length === 0) {
    throw new WireGuardError('NO_SUCH_INTERFACE', `there is no interface ${name}, and nothing of it is left`)
  }
  const dns = conf === null ? null : conf.quick.dnsServers.length > 0
  const wishes = { name, preDown: [], postDown: hooks?.postDown ?? [], dns }
  const { onAction, beforeRemoval } = options
  const runOptions = onAction === undefined ? {} : { onAction: (action: HostAction) => onAction(action) }
  const preDown = (hooks?.preDown ?? []).map((command): HostAction => ({
    tag: 'hook',
    command: command.replaceAll('%i', name),
  }))
  const problems: unknown[] = []
  for (const work of [
    () => undoAll(preDown, host, runOptions),
    async () => beforeRemoval?.(conf),
    () => undoAll(planDown(wishes, remains), host, runOptions),
  ]) {
    try {
      await work()
    } catch (error) {
      problems.push(error)
    }
  }
  if (problems.length > 0) throw problems[0]
}

function readWhatThereIs(source: ConfSource): { readonly name: string; readonly conf: Conf | null } {
  if (typeof source === 'string') {
    const { name, file } = locateConf(source)
    if (!existsSync(file)) return { name, conf: null }
  }
  const { name, text } = readConfFile(source)
  // A mistake that was made since must not keep the interface up: what can be read of the file counts.
  return { name, conf: readConf(text).conf }
}

interface FoundLink {
  readonly name: string
  readonly kind: string
}

/**
 * Of the kernel's WireGuard, or a TUN that a process serves as one, as `wg show interfaces` has it. A program that called
 * `up` serves no socket: its TUN is known by the addresses of the file. Any other may be OpenVPN's.
 */
async function isTunnel(host: LinuxHost, { name, kind }: FoundLink, conf: Conf | null): Promise<boolean> {
  if (kind === 'wireguard') return true
  if (kind !== 'tun') return false
  if (await isUapiServed(name)) return true
  const wanted = (conf?.quick.addresses ?? []).map(formatPrefix)
  const there = new Set(readInterface(host.socket, name).addresses.map(formatPrefix))
  return wanted.length > 0 && wanted.every((address) => there.has(address))
}

function notOurs({ name, kind }: FoundLink): WireGuardError {
  const remedy =
    kind === 'tun'
      ? ' that no process serves as a tunnel of WireGuard. End the process that opened it, or run ' +
        `"ip link delete dev ${name}" if nobody needs it`
      : ''
  const what = kind === '' ? 'hardware' : `of kind ${kind}${remedy}`
  return new WireGuardError('NO_SUCH_INTERFACE', `${name} was left alone: it is no WireGuard interface but ${what}.`)
}
