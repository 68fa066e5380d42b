/** Carries actions out on Windows, through iphlpapi. */
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  ERROR_ACCESS_DENIED,
  ERROR_FILE_NOT_FOUND,
  ERROR_INVALID_PARAMETER,
  ERROR_NOT_FOUND,
  ERROR_OBJECT_ALREADY_EXISTS,
  ERROR_SUCCESS,
  win32Text,
} from '@wireweave/ffi/win32/codes'
import { systemFolder } from '@wireweave/ffi/win32/system'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { describeWindowsAction, familyOf } from '../action.js'
import type { Cidr, HostAction } from '../action.js'
import type { Host } from '../run.js'
import { addBypass, deleteBypass } from './bypass.js'
import { enforceKillSwitch } from './firewall.js'
import type { InForce } from './firewall.js'
import { Machine } from './machine.js'

/** Opens, starts and closes the tunnel when its turn comes. */
export interface WindowsTunnelOpener {
  open(action: HostAction & { readonly tag: 'openTunnel' }, signal: AbortSignal | undefined): Promise<void>
  up(): Promise<void>
  close(): Promise<void>
}

/** For tests. */
export interface WindowsHostOptions {
  readonly machine?: Machine
  readonly bindingMs?: number
  /** The absolute path of what to use as fwpuclnt.dll. */
  readonly fwpuclnt?: string | undefined
}

/** How long TCP/IP may take to bind to an adapter that was just made. */
const BINDING_MS = 5_000
const LOOK_MS = 50

/** Carries out what `planWindowsUp` made. Throws a `WireGuardError` for what Windows refuses, with a remedy where known. */
export class WindowsHost implements Host {
  readonly machine: Machine
  readonly #opener: WindowsTunnelOpener | null
  readonly #bindingMs: number
  readonly #fwpuclnt: string | undefined
  readonly #switchedOff = new Set<string>()
  #killSwitch: InForce | null = null

  /** Without `opener` it cannot open tunnels. */
  constructor(opener: WindowsTunnelOpener | null = null, options: WindowsHostOptions = {}) {
    this.#opener = opener
    this.machine = options.machine ?? new Machine()
    this.#bindingMs = options.bindingMs ?? BINDING_MS
    this.#fwpuclnt = options.fwpuclnt
  }

  describe(action: HostAction): string {
    return describeWindowsAction(action)
  }

  async perform(action: HostAction, signal?: AbortSignal): Promise<boolean> {
    const { machine } = this
    switch (action.tag) {
      case 'hook':
        await runHook(action.command, signal)
        return true
      case 'openTunnel':
        if (this.#opener === null) throw new TypeError('this host was made without a way to open tunnels')
        await this.#opener.open(action, signal)
        return true
      case 'closeTunnel':
        await this.#opener?.close()
        return this.#opener !== null
      case 'setLinkUp':
        await this.#opener?.up()
        return true
      case 'addRoute':
        return this.#add(action, familyOf(action.prefix), signal, (luid) => machine.addRoute(luid, action.prefix, null))
      case 'deleteRoute':
        return this.#remove(action, action.name, (luid) => machine.deleteRoute(luid, action.prefix, null))
      case 'addAddress':
        return this.#add(action, familyOf(action.address), signal, (luid) =>
          this.#addAddress(luid, action, action.address),
        )
      case 'deleteAddress':
        return this.#remove(action, action.name, (luid) => machine.deleteAddress(luid, action.address))
      case 'setInterface':
        return this.#add(action, action.family, signal, (luid) =>
          machine.setInterface(luid, action.family, action.mtu, action.hasDefaultRoute),
        )
      case 'setDns':
        return this.#setDns(action, signal)
      case 'addBypass': {
        const code = addBypass(machine, action)
        // Somebody else's, who may take it away; not ours to remove.
        if (code === ERROR_OBJECT_ALREADY_EXISTS) return false
        if (code !== ERROR_SUCCESS) throw explain(action, code)
        return true
      }
      case 'deleteBypass':
        return removed(action, deleteBypass(machine, action))
      case 'addKillSwitch': {
        const luid = this.#luidOf(action.name)
        this.#killSwitch = enforceKillSwitch(luid, action.dnsServers, this.#fwpuclnt)
        return true
      }
      case 'removeKillSwitch':
        this.#killSwitch?.lift()
        this.#killSwitch = null
        return true
      case 'deleteLink':
      case 'addRule':
      case 'deleteRule':
      case 'setSysctl':
      case 'command':
        throw new TypeError(`"${action.tag}" is not for Windows`)
    }
  }

  /** What exists on the adapter already is as good as new. Nothing is done for a family that is switched off. */
  async #add(
    action: HostAction & { readonly name: string },
    family: 4 | 6,
    signal: AbortSignal | undefined,
    work: (luid: bigint) => number,
  ): Promise<boolean> {
    const luid = this.#luidOf(action.name)
    if (!(await this.#bound(luid, family, signal))) {
      if (family === 6) return false
      throw explain(action, ERROR_NOT_FOUND)
    }
    const code = work(luid)
    if (code === ERROR_SUCCESS || code === ERROR_OBJECT_ALREADY_EXISTS) return true
    throw explain(action, code)
  }

  #luidOf(name: string): bigint {
    const luid = this.machine.luidOf(name)
    if (luid !== null) return luid
    throw new WireGuardError('NO_SUCH_INTERFACE', `the interface ${name} is gone; has something removed it?`)
  }

  /** Waits until TCP/IP of the family has bound to the adapter; false when it does not. Once told off it stays so. */
  async #bound(luid: bigint, family: 4 | 6, signal: AbortSignal | undefined): Promise<boolean> {
    const key = `${luid} ${family}`
    const limit = this.#switchedOff.has(key) ? 0 : this.#bindingMs
    for (const end = performance.now() + limit; this.machine.ipInterface(luid, family) === null;) {
      if (performance.now() >= end) {
        this.#switchedOff.add(key)
        return false
      }
      await sleep(LOOK_MS, undefined, signal === undefined ? {} : { signal })
    }
    return true
  }

  /** What went with the adapter, or by another hand, is removed already. */
  #remove(action: HostAction, name: string, work: (luid: bigint) => number): boolean {
    const luid = this.machine.luidOf(name)
    return luid !== null && removed(action, work(luid))
  }

  /** A tunnel that is down may have left its addresses: Windows keeps them, and refuses them to others. */
  #addAddress(luid: bigint, action: HostAction, wanted: Cidr): number {
    const code = this.machine.addAddress(luid, wanted)
    if (code !== ERROR_OBJECT_ALREADY_EXISTS) return code
    const same = this.machine.addresses().filter(({ address }) => address.join() === wanted.address.join())
    if (same.some((row) => row.luid === luid)) return ERROR_SUCCESS
    for (const row of same) {
      if (this.machine.link(row.luid)?.isUp === false) this.machine.deleteAddress(row.luid, row)
    }
    const again = this.machine.addAddress(luid, wanted)
    if (again === ERROR_OBJECT_ALREADY_EXISTS) throw explain(action, again)
    return again
  }

  #setDns(
    action: HostAction & { readonly tag: 'setDns' },
    signal: AbortSignal | undefined,
  ): boolean | Promise<boolean> {
    const { name, family, servers, search } = action
    const set = (luid: bigint): number => {
      const link = this.machine.link(luid)
      return link === null ? ERROR_NOT_FOUND : this.machine.setDns(link.guid, family, servers, search)
    }
    const clears = servers.length === 0 && search.length === 0
    return clears ? this.#remove(action, name, set) : this.#add(action, family, signal, set)
  }
}

function removed(action: HostAction, code: number): boolean {
  if (code === ERROR_SUCCESS) return true
  if ([ERROR_NOT_FOUND, ERROR_FILE_NOT_FOUND, ERROR_INVALID_PARAMETER].includes(code)) return false
  throw explain(action, code)
}

/** Windows' refusal, with what to do where that is known. */
function explain(action: HostAction, code: number): WireGuardError {
  const what = describeWindowsAction(action)
  const options = { errno: String(code) }
  if (code === ERROR_ACCESS_DENIED) {
    return new WireGuardError('PERMISSION_DENIED', `"${what}" was refused. Run as administrator.`, options)
  }
  if (code === ERROR_OBJECT_ALREADY_EXISTS) {
    const remedy = 'Another interface that is up has it: see "ipconfig /all".'
    return new WireGuardError('ADDRESS_IN_USE', `"${what}" failed: it exists already. ${remedy}`, options)
  }
  if (code === ERROR_NOT_FOUND) {
    const remedy = 'Is that version of IP switched off for this machine or interface?'
    return new WireGuardError('SYSTEM', `"${what}" failed: TCP/IP did not bind to the interface. ${remedy}`, options)
  }
  return new WireGuardError('SYSTEM', `"${what}" failed: ${win32Text(code)}`, options)
}

/**
 * By cmd.exe of the system folder, as wireguard-windows does. It would look for programs in the current folder first, where
 * others than administrators may have put some.
 */
function runHook(command: string, signal: AbortSignal | undefined): Promise<void> {
  const env = { ...process.env, NoDefaultCurrentDirectoryInExePath: '1' }
  const options = { stdio: 'inherit', windowsVerbatimArguments: true, env, ...(signal && { signal }) } as const
  return new Promise((resolve, reject) => {
    const child = spawn(`${systemFolder()}\\cmd.exe`, ['/d', '/s', '/c', `"${command}"`], options)
    child.once('error', (cause) => reject(new WireGuardError('SYSTEM', `"${command}" did not run`, { cause })))
    child.once('exit', (code) => {
      if (code === 0) resolve()
      else reject(new WireGuardError('SYSTEM', `"${command}" ended with code ${code}`))
    })
  })
}
