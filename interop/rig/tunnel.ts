/** Two ends of a tunnel, each an interface of some implementation on a host of its own. */
import { endDaemon, startDaemon } from './implementations.js'
import type { Implementation } from './implementations.js'
import { generateKeyPair } from './keys.js'
import type { KeyPair } from './keys.js'
import type { Host } from './lab.js'

export interface EndOptions {
  /** Where the interface is. */
  readonly host: Host
  /** Where the daemon runs and has its sockets, when that is another host. */
  readonly daemonHost?: Host
  readonly implementation: Implementation
  /** Different from that of every other end in the lab: `/run/wireguard` is one for all hosts. */
  readonly interfaceName: string
  readonly port: number
  readonly v4: string
  readonly v6: string
  readonly mtu?: number
}

/** What one end is told of the other. */
export interface PeerLines {
  readonly publicKey: string
  readonly allowedIps: readonly string[]
  readonly endpoint?: string
  readonly presharedKey?: string
  readonly persistentKeepalive?: number
}

export class End {
  readonly host: Host
  readonly daemonHost: Host
  readonly implementation: Implementation
  readonly interfaceName: string
  readonly port: number
  readonly v4: string
  readonly v6: string
  readonly keys: KeyPair = generateKeyPair()
  readonly #mtu: number | undefined

  constructor(options: EndOptions) {
    this.host = options.host
    this.daemonHost = options.daemonHost ?? options.host
    this.implementation = options.implementation
    this.interfaceName = options.interfaceName
    this.port = options.port
    this.v4 = options.v4
    this.v6 = options.v6
    this.#mtu = options.mtu
  }

  /** What the other end routes to this one. */
  get allowedIps(): string[] {
    return [`${this.v4}/32`, `${this.v6}/128`]
  }

  /** Starts the daemon and gives the interface its addresses. Down, without peers. */
  async start(env?: NodeJS.ProcessEnv): Promise<void> {
    const { daemonHost, host, interfaceName: name } = this
    await startDaemon(this.implementation, daemonHost, name, env)
    if (daemonHost !== host) await daemonHost.ip(`link set ${name} netns ${host.name}`)
    await host.ip(`address add ${this.v4}/24 dev ${name}`)
    await host.ip(`address add ${this.v6}/64 dev ${name} nodad`)
    if (this.#mtu !== undefined) await host.ip(`link set ${name} mtu ${this.#mtu}`)
  }

  async up(): Promise<void> {
    await this.host.ip(`link set ${this.interfaceName} up`)
  }

  async down(): Promise<void> {
    await this.host.ip(`link set ${this.interfaceName} down`)
  }

  async end(): Promise<void> {
    await endDaemon(this.host, this.interfaceName)
  }

  /** Replaces the whole configuration. */
  async configure(...peers: PeerLines[]): Promise<void> {
    await this.wg('setconf /dev/stdin', this.config(...peers))
  }

  config(...peers: PeerLines[]): string {
    const lines = ['[Interface]', `PrivateKey = ${this.keys.privateKey}`, `ListenPort = ${this.port}`]
    for (const peer of peers) {
      lines.push('[Peer]', `PublicKey = ${peer.publicKey}`, `AllowedIPs = ${peer.allowedIps.join(', ')}`)
      if (peer.endpoint !== undefined) lines.push(`Endpoint = ${peer.endpoint}`)
      if (peer.presharedKey !== undefined) lines.push(`PresharedKey = ${peer.presharedKey}`)
      if (peer.persistentKeepalive !== undefined) lines.push(`PersistentKeepalive = ${peer.persistentKeepalive}`)
    }
    return `${lines.join('\n')}\n`
  }

  /** `wg <verb> <interface> <rest>`. */
  wg(words: string, input = ''): Promise<string> {
    const [verb, ...rest] = words.split(' ')
    return this.host.wg([verb, this.interfaceName, ...rest].join(' '), input)
  }

  /** Of the peer with this key: columns of `wg show … dump`. */
  async peer(publicKey: string): Promise<PeerStatus> {
    const dump = await this.wg('show dump')
    const row = dump
      .split('\n')
      .map((line) => line.split('\t'))
      .find((columns) => columns[0] === publicKey && columns.length === 8)
    if (row === undefined) throw new Error(`${this.interfaceName} has no peer ${publicKey}`)
    const [, presharedKey, endpoint, allowedIps, handshake, rx, tx, keepalive] = row
    return {
      presharedKey: presharedKey!,
      endpoint: endpoint!,
      allowedIps: allowedIps!.split(','),
      latestHandshake: Number(handshake),
      rxBytes: Number(rx),
      txBytes: Number(tx),
      persistentKeepalive: keepalive!,
    }
  }
}

export interface PeerStatus {
  readonly presharedKey: string
  readonly endpoint: string
  readonly allowedIps: readonly string[]
  /** Seconds since the Unix epoch; 0 before the first. */
  readonly latestHandshake: number
  readonly rxBytes: number
  readonly txBytes: number
  readonly persistentKeepalive: string
}
