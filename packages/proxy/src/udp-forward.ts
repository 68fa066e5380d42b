/** Forwards of UDP, in either direction: each sender gets a socket of its own, so that answers find their way. */
import { lookup as lookupHost } from 'node:dns/promises'
import { isIPv6 } from 'node:net'
import { formatIp, parseIp } from '@wireweave/tunnel/ip'
import { formatTarget } from './address.js'
import type { Context, Service } from './context.js'
import type { DatagramSender, DialDatagrams, Target } from './dialer.js'
import { HostDatagrams } from './host-datagrams.js'
import { listenError, refuseStrangers } from './listening.js'
import type { Place } from './listening.js'

export interface UdpForwardOptions extends Place {
  readonly kind: 'forward'
  readonly protocol: 'udp'
  readonly target: Target
  /** A sender that is silent for so long is forgotten. */
  readonly idleMs?: number
}

export interface UdpReverseOptions {
  readonly kind: 'reverse'
  readonly protocol: 'udp'
  /** One of the tunnel's addresses; all of them when absent. */
  readonly host?: string
  readonly port: number
  readonly target: Target
  readonly idleMs?: number
}

/** From this machine into the tunnel. */
export async function openUdpForward(context: Context, options: UdpForwardOptions): Promise<Service> {
  refuseStrangers(context, 'a forward', options, null)
  const { dialer, family } = context
  const door = await HostDatagrams.bind(options)
  const { address, port } = door.address()
  const flows = new Flows(context, door, options.idleMs, async () => {
    const [first] = await dialer.lookup(options.target.host, { family })
    // As the sender of an answer is written, whatever way the address was written to us.
    const address = formatIp(parseIp(first!.address)!)
    return { socket: dialer.udp({ family: first!.family }), address, port: options.target.port }
  })
  return { kind: 'forward', protocol: 'udp', address, port, target: options.target, close: async () => flows.close() }
}

/** From the tunnel to where this machine leads. */
export async function openUdpReverse(context: Context, options: UdpReverseOptions): Promise<Service> {
  const { host, port, target } = options
  const door = bindInside(context, host, port)
  const flows = new Flows(context, door, options.idleMs, async () => {
    const { address } = await lookupHost(target.host)
    const socket = await HostDatagrams.bind({ host: isIPv6(address) ? '::' : '0.0.0.0', port: 0 })
    return { socket, address, port: target.port }
  })
  return { kind: 'reverse', protocol: 'udp', ...door.address(), target, close: async () => flows.close() }
}

function bindInside({ dialer }: Context, host: string | undefined, port: number): DialDatagrams {
  try {
    return dialer.udp({ port, ...(host !== undefined && { host }) })
  } catch (error) {
    throw listenError({ host: host ?? '::', port }, error)
  }
}

interface Way {
  readonly socket: DialDatagrams
  readonly address: string
  readonly port: number
}

interface Flow {
  readonly way: Promise<Way>
  usedAt: number
}

/** What a flow keeps for a way that is being looked for. */
const MOST_WAITING = 32

class Flows {
  readonly #context: Context
  readonly #door: DialDatagrams
  readonly #open: () => Promise<Way>
  readonly #idleMs: number
  /** By sender; the one that was used last comes last. */
  readonly #flows = new Map<string, Flow>()
  readonly #sweep: NodeJS.Timeout
  #waiting = 0

  constructor(context: Context, door: DialDatagrams, idleMs: number | undefined, open: () => Promise<Way>) {
    this.#context = context
    this.#door = door
    this.#open = open
    this.#idleMs = idleMs ?? context.limits.udpIdleMs
    this.#sweep = setInterval(() => this.#forgetIdle(), Math.min(this.#idleMs, 10_000)).unref()
    door.on('message', (data, from) => void this.#forward(data, from))
  }

  close(): void {
    clearInterval(this.#sweep)
    this.#door.close()
    for (const key of this.#flows.keys()) this.#end(key)
  }

  async #forward(data: Buffer, from: DatagramSender): Promise<void> {
    const { stats } = this.#context
    const key = formatTarget({ host: from.address, port: from.port })
    try {
      if (this.#waiting >= MOST_WAITING) throw new Error('too many datagrams wait')
      const flow = this.#flowOf(key, from)
      this.#waiting++
      const { socket, address, port } = await flow.way.finally(() => this.#waiting--)
      await socket.send(data, port, address)
      stats.datagramsSent++
    } catch {
      stats.datagramsDropped++
    }
  }

  #flowOf(key: string, from: DatagramSender): Flow {
    const known = this.#flows.get(key)
    if (known === undefined && this.#flows.size >= this.#context.limits.udpFlows) {
      const [oldest] = this.#flows.keys()
      this.#end(oldest!)
    }
    const flow = known ?? this.#openFlow(key, from)
    this.#touch(key, flow)
    return flow
  }

  #openFlow(key: string, from: DatagramSender): Flow {
    const flow = { way: this.#openWay(key, from), usedAt: 0 }
    flow.way.catch(() => {
      // Another may have taken its place meanwhile.
      if (this.#flows.get(key) === flow) this.#flows.delete(key)
    })
    return flow
  }

  async #openWay(key: string, from: DatagramSender): Promise<Way> {
    const { stats } = this.#context
    const way = await this.#open()
    way.socket.on('message', (data, sender) => {
      const flow = this.#flows.get(key)
      // Only the target answers.
      if (sender.port !== way.port || sender.address !== way.address || flow === undefined) {
        stats.datagramsDropped++
        return
      }
      this.#touch(key, flow)
      stats.datagramsReceived++
      this.#door.send(data, from.port, from.address).catch(() => stats.datagramsDropped++)
    })
    return way
  }

  #touch(key: string, flow: Flow): void {
    flow.usedAt = performance.now()
    this.#flows.delete(key)
    this.#flows.set(key, flow)
  }

  #forgetIdle(): void {
    const before = performance.now() - this.#idleMs
    for (const [key, { usedAt }] of this.#flows) {
      if (usedAt > before) return
      this.#end(key)
    }
  }

  #end(key: string): void {
    const flow = this.#flows.get(key)
    this.#flows.delete(key)
    flow?.way.then(
      ({ socket }) => socket.close(),
      () => {},
    )
  }
}
