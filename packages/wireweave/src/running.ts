/** An interface that is coming up, up, or going down, with all that belongs to it. */
import { parseConf } from '@wireweave/config/conf'
import { saveConf } from '@wireweave/config/conf-format'
import { parseDocument } from '@wireweave/config/conf-document'
import { syncUpdate } from '@wireweave/config/conf-sync'
import type { Conf } from '@wireweave/config/conf-types'
import { setUpdate } from '@wireweave/config/conf-update'
import type { HostAction } from '@wireweave/host-net/action'
import { withFileLocked } from '@wireweave/host-net/linux/file-lock'
import { hookSteps } from '@wireweave/host-net/plan'
import type { HostPlan } from '@wireweave/host-net/plan'
import { runPlan } from '@wireweave/host-net/run'
import type { Done, RunOptions } from '@wireweave/host-net/run'
import type { Tunnel } from '@wireweave/tunnel/backend'
import type { DeviceUpdate } from '@wireweave/tunnel/config'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { formatEndpoint } from '@wireweave/tunnel/ip'
import type { Endpoint } from '@wireweave/tunnel/ip'
import type { Selection } from '@wireweave/tunnel/select'
import { readConfFile, writeConfFile } from './conf-file.js'
import type { ConfFile, ConfSource } from './conf-file.js'
import { EndpointFollower } from './follow.js'
import type { Guard } from './guarded.js'
import { watchKernel } from './kernel-watch.js'
import { namedPeers } from './named-peers.js'
import { openTunnel } from './open-tunnel.js'
import { endpointKey, resolveEndpoint, resolveEndpoints } from './resolve.js'
import type { ConfiguredWishes, OpenSystem, System } from './system.js'
import type { UpOptions, UpTunnel } from './up-options.js'

const NO_HOOKS: Conf['quick']['hooks'] = { preUp: [], postUp: [], preDown: [], postDown: [] }

export class Running implements UpTunnel {
  readonly name: string
  readonly #options: UpOptions
  readonly #follower: EndpointFollower
  #file: ConfFile
  #conf: Conf
  readonly #system: System
  #tunnel: Tunnel | null = null
  #plan: HostPlan | null = null
  #done: Done | null = null
  #resolved: ReadonlyMap<string, readonly Endpoint[]> = new Map()
  #isKernel = false
  #stopWatch: (() => void) | null = null
  #guard: Guard | null = null
  #hasRights = true
  #ending: Promise<void> | null = null
  #settleClosed: () => void = () => {}
  readonly closed: Promise<void>

  constructor(file: ConfFile, conf: Conf, options: UpOptions, openSystem: OpenSystem) {
    this.name = file.name
    this.#file = file
    this.#conf = conf
    this.#options = options
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve))
    const opener = {
      open: this.#open.bind(this),
      up: () => this.tunnel.up(),
      close: async () => this.#tunnel?.close(),
    }
    this.#system = openSystem(opener, options)
    this.#follower = new EndpointFollower({
      resolve: (endpoint) => resolveEndpoint(endpoint, { ...this.#resolveOptions(), signal: undefined, retries: 0 }),
      ...(options.onEndpointMoved && { onMove: options.onEndpointMoved }),
    })
  }

  get tunnel(): Tunnel {
    return this.#tunnel!
  }

  get conf(): Conf {
    return this.#conf
  }

  get plan(): HostPlan {
    return this.#plan!
  }

  async up(): Promise<void> {
    try {
      await this.#system.removeLeftovers(this.name, this.#runOptions())
      await runPlan(hookSteps(this.#hooks().preUp, this.name), this.#system.host, this.#runOptions())
      this.#resolved = await this.#resolve(this.#conf)
      const endpoints = [...this.#resolved.values()].map(([first]) => first!.address)
      this.#plan = await this.#system.plan(this.#wishes(), endpoints)
      const { guard = true, killSwitch = false } = this.#options
      if (guard) this.#guard = this.#system.startGuard(this.name, killSwitch ? 'stay' : 'clean')
      this.#done = await runPlan(this.#plan.steps, this.#system.host, this.#runOptions())
    } catch (error) {
      this.#finish()
      throw error
    }
    if (this.#isKernel) this.#guard?.dismiss()
    this.#system.follow(this.name, this.#wishes(), this.plan, this.tunnel)
    this.#follow()
    if (this.#isKernel && !this.#follower.isIdle) {
      this.#stopWatch = watchKernel(this.tunnel, (peer) => this.#follower.failed(peer))
    }
    void this.tunnel.closed.then(() => this.#onDeath())
  }

  #wishes(): ConfiguredWishes {
    const { quick, device, peers } = this.#conf
    return {
      ...quick,
      name: this.name,
      allowedIps: peers.flatMap((peer) => peer.allowedIps.filter(({ remove }) => remove !== true)),
      fwmark: device.fwmark,
      postUp: this.#hooks().postUp,
      killSwitch: this.#options.killSwitch ?? false,
    }
  }

  async #open(
    { name, mtu, fwmark }: HostAction & { tag: 'openTunnel' },
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { adapter, onSelection, onEvent, onOpen } = this.#options
    this.#tunnel = await openTunnel({
      ...this.#options,
      ...{ name, mtu, config: this.#update(fwmark), up: false },
      ...(adapter !== undefined && { adapter }),
      ...(signal && { signal }),
      onSelection: (selection) => {
        this.#isKernel = selection.backend.dataPlane === 'kernel'
        if (selection.backend.reach !== 'host') throw unreachable(selection)
        onSelection?.(selection)
      },
      onEvent: (event) => {
        this.#follower.onEvent(event)
        onEvent?.(event)
      },
    })
    try {
      await onOpen?.(this.#tunnel)
    } catch (error) {
      await this.#tunnel.close()
      throw error
    }
  }

  async reload(config?: ConfSource): Promise<void> {
    const file = readConfFile(config ?? this.#options.config)
    const conf = parseConf(file.text, file.path ?? file.name)
    const resolved = await this.#resolve(conf)
    const before = { file: this.#file, conf: this.#conf, resolved: this.#resolved }
    this.#file = file
    this.#conf = conf
    this.#resolved = resolved
    const secrets = await this.tunnel.secrets()
    try {
      const wanted = this.#update(this.plan.fwmark)
      await this.tunnel.apply(syncUpdate(await this.tunnel.snapshot(), secrets, wanted))
      this.#follow()
    } catch (error) {
      this.#file = before.file
      this.#conf = before.conf
      this.#resolved = before.resolved
      throw error
    } finally {
      wipe(secrets)
    }
  }

  async save(): Promise<void> {
    const { path } = this.#file
    if (path === null)
      throw new WireGuardError('CONFIG_INVALID', 'there is no file to save to: the configuration was given as text')
    await withFileLocked(path, () => this.#saveTo(path))
  }

  async #saveTo(path: string): Promise<void> {
    const { addresses, mtu } = this.#system.readInterface(this.name)
    const secrets = await this.tunnel.secrets()
    try {
      const snapshot = await this.tunnel.snapshot()
      const fwmark = this.#conf.device.fwmark === null && snapshot.fwmark === this.plan.fwmark ? null : snapshot.fwmark
      const state = { snapshot: { ...snapshot, fwmark }, secrets, addresses, mtu, dnsServers: null }
      const resolved = new Map([...this.#resolved].map(([key, list]) => [key, list.map(formatEndpoint)]))
      const text = readConfFile(path).text
      const saved = saveConf(parseDocument(text), state, resolved)
      if (saved !== text) writeConfFile(path, saved)
    } finally {
      wipe(secrets)
    }
  }

  down({ hooks = true }: { readonly hooks?: boolean } = {}): Promise<void> {
    return (this.#ending ??= this.#hasRights ? this.#end(hooks) : this.#endWithoutRights())
  }

  get follows(): boolean {
    return !this.#follower.isIdle
  }

  dropRights(): void {
    this.#hasRights = false
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.down()
  }

  async #end(hooks: boolean): Promise<void> {
    const { preDown, postDown } = hooks ? this.#hooks() : NO_HOOKS
    const { signal: _signal, ...options } = this.#runOptions()
    const runHooks = (commands: readonly string[]): Promise<unknown> =>
      runPlan(hookSteps(commands, this.name), this.#system.host, options)
    const problems: unknown[] = []
    const attempt = async (work: () => Promise<unknown>): Promise<void> => {
      try {
        await work()
      } catch (error) {
        problems.push(error)
      }
    }
    this.#stopFollowing()
    await attempt(() => runHooks(preDown))
    if (this.#conf.quick.saveConfig && this.#file.path !== null) await attempt(() => this.save())
    await attempt(() => this.#done!.undo())
    await attempt(() => runHooks(postDown))
    this.#finish()
    if (problems.length > 0) throw problems[0]
  }

  /** Closing the tunnel ends the interface with its addresses and routes; the guard, which has the rights, does the rest. */
  async #endWithoutRights(): Promise<void> {
    this.#stopFollowing()
    try {
      await this.tunnel.close()
      await this.#guard?.clean()
    } finally {
      this.#system.close()
      this.#settleClosed()
    }
  }

  /** Something deleted the interface. A kill switch stays until `down`: that is what it is for. */
  async #onDeath(): Promise<void> {
    if (this.#ending !== null) return
    if (this.#options.killSwitch === true || !this.#hasRights) {
      this.#stopFollowing()
      return this.#settleClosed()
    }
    this.#ending = this.#removeRest()
    try {
      await this.#ending
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      this.#options.onEvent?.({ tag: 'log', level: 'error', message })
    }
  }

  async #removeRest(): Promise<void> {
    this.#stopFollowing()
    try {
      await this.#done!.undo()
    } finally {
      this.#finish()
    }
  }

  #finish(): void {
    this.#guard?.dismiss()
    this.#system.close()
    this.#settleClosed()
  }

  #follow(): void {
    this.#follower.follow(this.tunnel, namedPeers(this.#conf, this.#resolved))
  }

  #stopFollowing(): void {
    this.#stopWatch?.()
    this.#follower.stop()
  }

  #resolve(conf: Conf): Promise<ReadonlyMap<string, readonly Endpoint[]>> {
    const endpoints = conf.peers.map(({ endpoint }) => endpoint).filter((endpoint) => endpoint !== null)
    return resolveEndpoints(endpoints, this.#resolveOptions())
  }

  #resolveOptions(): Parameters<typeof resolveEndpoint>[1] & object {
    const { signal, resolveRetries: retries, lookup, onLookupRetry: onRetry } = this.#options
    return { signal, retries, lookup, onRetry, zoneIndex: (zone) => this.#system.linkIndex(zone) }
  }

  #update(fwmark: number | null): DeviceUpdate {
    const update = setUpdate(this.#conf, (endpoint) => this.#resolved.get(endpointKey(endpoint))?.[0])
    return fwmark === null ? update : { ...update, fwmark }
  }

  #hooks(): Conf['quick']['hooks'] {
    return this.#options.hooks === false ? NO_HOOKS : this.#conf.quick.hooks
  }

  #runOptions(): RunOptions {
    const { signal, onAction } = this.#options
    return { ...(signal && { signal }), ...(onAction && { onAction }) }
  }
}

function wipe({ privateKey, presharedKeys }: Awaited<ReturnType<Tunnel['secrets']>>): void {
  privateKey?.fill(0)
  for (const key of presharedKeys) key?.fill(0)
}

function unreachable({ backend }: Selection): WireGuardError {
  return new WireGuardError(
    'NOT_SUPPORTED',
    `adapter ${backend.name} has no interface to set up; use openNetstackTunnel, or "wireweave proxy", with it`,
  )
}
