/** Carries actions out on Linux: rtnetlink for what is the kernel's, programs for what is not. */
import { readFileSync, writeFileSync } from 'node:fs'
import { EACCES, EADDRNOTAVAIL, EEXIST, ENODEV, ENOENT, EPERM, ESRCH, SystemError } from '@wireweave/ffi/errno'
import { addAddress, deleteAddress } from '@wireweave/netlink/address'
import { deleteLink, findLink, setLinkMtu, setLinkUp } from '@wireweave/netlink/link'
import { addRoute, deleteRoute, RT_TABLE_MAIN } from '@wireweave/netlink/route'
import { addRule, deleteRule, listRules } from '@wireweave/netlink/rule'
import type { Rule } from '@wireweave/netlink/rule'
import { NETLINK_ROUTE, NetlinkSocket } from '@wireweave/netlink/socket'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { describeAction } from '../action.js'
import type { HostAction, PolicyRule } from '../action.js'
import type { Host } from '../run.js'
import { runCommand, runHook } from './command.js'

/** Opens, starts and closes the tunnel when its turn comes. */
export interface TunnelOpener {
  open(action: HostAction & { readonly tag: 'openTunnel' }, signal: AbortSignal | undefined): Promise<void>
  up(): Promise<void>
  close(): Promise<void>
}

/** Belongs to the network namespace in which it was made. Call `close`, or use `using`. */
export class LinuxHost implements Host, Disposable {
  readonly socket: NetlinkSocket
  readonly #opener: TunnelOpener | null

  /** Throws a `SystemError` when there is no netlink here. Without `opener` it cannot open tunnels. */
  constructor(opener: TunnelOpener | null = null) {
    this.#opener = opener
    this.socket = new NetlinkSocket(NETLINK_ROUTE)
    this.socket.filterDumps()
  }

  close(): void {
    this.socket.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** The index of an interface, which an IPv6 zone names; `null` when there is none. */
  linkIndex(name: string): number | null {
    return findLink(this.socket, name)?.index ?? null
  }

  async perform(action: HostAction, signal?: AbortSignal): Promise<boolean> {
    try {
      return await this.#perform(action, signal)
    } catch (error) {
      if (error instanceof WireGuardError) throw error
      throw explain(action, error)
    }
  }

  #perform(action: HostAction, signal: AbortSignal | undefined): boolean | Promise<boolean> {
    switch (action.tag) {
      case 'hook':
        return runHook(action.command, signal).then(() => true)
      case 'command':
        return runCommand(action.program, action.args, { input: action.input, signal }).then(() => true)
      case 'openTunnel':
        if (this.#opener === null) throw new TypeError('this host was made without a way to open tunnels')
        return this.#opener.open(action, signal).then(() => true)
      case 'closeTunnel':
        return this.#opener?.close().then(() => true) ?? false
      case 'addAddress':
        addAddress(this.socket, { index: this.#index(action.name), ...action.address })
        return true
      case 'deleteAddress':
        return this.#remove(action.name, (index) => deleteAddress(this.socket, { index, ...action.address }))
      case 'setLinkUp':
        return this.#setLinkUp(action.name, action.mtu)
      case 'deleteLink':
        return this.#remove(action.name, (index) => deleteLink(this.socket, index))
      case 'addRoute':
        addRoute(this.socket, {
          index: this.#index(action.name),
          ...action.prefix,
          table: action.table ?? RT_TABLE_MAIN,
        })
        return true
      case 'deleteRoute': {
        const { prefix, table } = action
        return this.#remove(action.name, (index) =>
          deleteRoute(this.socket, { index, ...prefix, table: table ?? RT_TABLE_MAIN }),
        )
      }
      case 'addRule':
        return this.#addRule(action.rule)
      case 'deleteRule':
        return this.#deleteRule(action.rule)
      case 'setSysctl':
        return setSysctl(action.key, action.value)
      case 'setInterface':
      case 'setDns':
      case 'addBypass':
      case 'deleteBypass':
      case 'addKillSwitch':
      case 'removeKillSwitch':
        throw new TypeError(`"${action.tag}" is for Windows`)
    }
  }

  async #setLinkUp(name: string, mtu: number): Promise<boolean> {
    setLinkMtu(this.socket, this.#index(name), mtu)
    await this.#opener?.up()
    setLinkUp(this.socket, this.#index(name), true)
    return true
  }

  #index(name: string): number {
    const link = findLink(this.socket, name)
    if (link !== null) return link.index
    throw new WireGuardError('NO_SUCH_INTERFACE', `the interface ${name} is gone; has something deleted it?`)
  }

  /** What went with the interface, or by another hand, is removed already. */
  #remove(name: string, remove: (index: number) => void): boolean {
    const link = findLink(this.socket, name)
    return link !== null && unlessGone(() => remove(link.index))
  }

  #addRule(rule: PolicyRule): boolean {
    try {
      addRule(this.socket, kernelRule(rule))
      return true
    } catch (error) {
      if (rule.kind === 'localFirst' && error instanceof SystemError && error.errno === EEXIST) return false
      throw error
    }
  }

  #deleteRule(rule: PolicyRule): boolean {
    if (rule.kind === 'localFirst') {
      const others = listRules(this.socket, rule.family).filter(isDefaultRoute)
      if (others.some(({ table }) => table !== rule.besides)) return false
    }
    return unlessGone(() => deleteRule(this.socket, kernelRule(rule)))
  }
}

/** Whether a rule is one that `wg-quick`, or we, make for a default route. */
export function isDefaultRoute({ invert, fwmark, table }: Rule): boolean {
  return invert && fwmark !== null && fwmark === table
}

/** `null` when the kernel has no such setting. Read on this thread: the file's content belongs to its network namespace. */
export function readSysctl(key: string): string | null {
  try {
    return readFileSync(sysctlPath(key), 'utf8').trim()
  } catch {
    return null
  }
}

function setSysctl(key: string, value: string): boolean {
  if (readSysctl(key) === value) return false
  writeFileSync(sysctlPath(key), value)
  return true
}

function sysctlPath(key: string): string {
  return `/proc/sys/${key.replaceAll('.', '/')}`
}

function kernelRule(rule: PolicyRule): Rule {
  const { family } = rule
  if (rule.kind === 'localFirst') {
    return { family, table: RT_TABLE_MAIN, fwmark: null, invert: false, suppressPrefixLength: 0 }
  }
  return { family, table: rule.table, fwmark: rule.fwmark, invert: true, suppressPrefixLength: null }
}

function unlessGone(remove: () => void): boolean {
  try {
    remove()
    return true
  } catch (error) {
    if (error instanceof SystemError && [ENODEV, ESRCH, ENOENT, EADDRNOTAVAIL].includes(error.errno)) return false
    throw error
  }
}

/** The kernel's refusal, with what to do where that is known. */
function explain(action: HostAction, error: unknown): WireGuardError {
  const what = describeAction(action)
  const message = error instanceof Error ? error.message : String(error)
  const errno = error instanceof SystemError ? error.code : ((error as NodeJS.ErrnoException).code ?? undefined)
  const options = { cause: error, ...(errno !== undefined && { errno }) }
  const number =
    error instanceof SystemError ? error.errno : errno === 'EPERM' ? EPERM : errno === 'EACCES' ? EACCES : 0
  const isIpv6 = action.tag === 'addAddress' && action.address.address.length === 16
  if (number === EACCES && isIpv6) {
    return new WireGuardError(
      'SYSTEM',
      `"${what}" was refused: is IPv6 switched off? Then remove the address.`,
      options,
    )
  }
  if (number === EPERM || number === EACCES) {
    return new WireGuardError(
      'PERMISSION_DENIED',
      `"${what}" was refused. Run as root, or with CAP_NET_ADMIN.`,
      options,
    )
  }
  if (number === EEXIST) {
    const remedy = 'Another interface has it: see "ip route" and "ip rule", or set Table = off.'
    return new WireGuardError('ADDRESS_IN_USE', `"${what}" failed: it exists already. ${remedy}`, options)
  }
  return new WireGuardError('SYSTEM', `"${what}" failed: ${message}`, options)
}
