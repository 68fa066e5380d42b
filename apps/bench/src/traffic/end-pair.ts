/** Two processes, one on each side, that make traffic with each other: our own generator. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Usage } from '../contestants/contestant.js'
import { endProcess } from '../contestants/processes.js'
import type { Side, Topology } from '../run/topology.js'
import type { InterfaceRequest } from './interface-network.js'
import type { NetworkRequest } from './networks.js'
import type { PingRequest, TcpRequest, Traffic, Transfer, UdpRequest } from './traffic.js'

/** What an end counted since it was asked last. */
export interface Counts {
  readonly bytes: number
  /** Between the first and the last that arrived. */
  readonly ms: number
  readonly datagrams: number
}

export type EndRequest =
  | { readonly do: 'open'; readonly network: NetworkRequest | InterfaceRequest }
  | { readonly do: 'connect'; readonly host: string; readonly port: number }
  | { readonly do: 'send'; readonly streams: number; readonly seconds: number }
  | { readonly do: 'datagrams'; readonly bytes: number; readonly bitsPerSecond: number; readonly seconds: number }
  | { readonly do: 'ping'; readonly count: number; readonly intervalMs: number }
  | { readonly do: 'take' | 'usage' | 'handshake' }

/** Where a process runs: in a namespace, or wherever we are. */
export interface Spot {
  readonly topology: Topology | null
  readonly side: Side
}

const PATIENCE_SECONDS = 20
/** More of it for a process that has to start first. */
const STARTING_SECONDS = 40

/** One of the two processes. It ends when its standard input does, and so also when we are killed. */
export class End {
  readonly child: ChildProcess
  readonly #waiting: { resolve(value: unknown): void; reject(error: Error): void }[] = []
  #complaint = ''

  constructor({ topology, side }: Spot) {
    const program = fileURLToPath(new URL('end-program.js', import.meta.url))
    const prefix = topology === null ? [] : ['ip', 'netns', 'exec', topology.namespace[side]]
    const [file, ...args] = [...prefix, process.execPath, program]
    this.child = spawn(file!, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-500)
    })
    this.child.stdin!.on('error', () => {})
    this.child.once('error', (error) => this.#fail(error))
    this.child.once('close', () => this.#fail(new Error(`the traffic process ended: ${this.#complaint.trim()}`)))
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.#answer(line))
  }

  /** Answers come in the order of the requests. */
  async ask<T>(request: EndRequest, seconds = 0): Promise<T> {
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.push({ resolve, reject }))
    this.child.stdin!.write(`${JSON.stringify(request)}\n`)
    const allowed = PATIENCE_SECONDS + seconds
    const timer = setTimeout(() => {
      this.#fail(new Error(`the traffic process did not answer "${request.do}" within ${allowed} s`))
      this.child.kill('SIGKILL')
    }, allowed * 1000)
    try {
      return (await answer) as T
    } finally {
      clearTimeout(timer)
    }
  }

  async close(): Promise<void> {
    this.child.stdin!.end()
    await endProcess(this.child)
  }

  #answer(line: string): void {
    const { error, value } = JSON.parse(line) as { error?: string; value?: unknown }
    const waiting = this.#waiting.shift()
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(new Error(error))
  }

  #fail(error: Error): void {
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error)
  }
}

/** Wait this long for what is still under way when a sender has finished. */
const SETTLE_MS = 150

export class EndPair implements Traffic {
  readonly tool: string = 'own generator'
  readonly pingTool: string = 'own generator (UDP echo)'
  readonly a: End
  readonly b: End

  private constructor(a: End, b: End) {
    this.a = a
    this.b = b
  }

  /** Starts both, opens their networks and tells side a where side b is. */
  static async open(
    spots: Readonly<Record<Side, Spot>>,
    networkOf: (side: Side) => NetworkRequest,
    onPorts: (ports: Readonly<Record<Side, number>>, pair: EndPair) => Promise<void> = async () => {},
  ): Promise<EndPair> {
    const pair = new EndPair(new End(spots.a), new End(spots.b))
    try {
      const [a, b] = await Promise.all(
        (['a', 'b'] as const).map((side) =>
          pair[side].ask<number>({ do: 'open', network: networkOf(side) }, STARTING_SECONDS),
        ),
      )
      await onPorts({ a: a!, b: b! }, pair)
      return pair
    } catch (error) {
      await pair.close()
      throw error
    }
  }

  async tcp({ streams, direction, seconds }: TcpRequest): Promise<Transfer> {
    const send = { do: 'send', streams, seconds } as const
    const senders = { forward: [this.a], reverse: [this.b], both: [this.a, this.b] }[direction]
    await this.#forget()
    await Promise.all(senders.map((end) => end.ask(send, seconds)))
    const counts = await Promise.all(senders.map((end) => this.#take(end === this.a ? this.b : this.a)))
    return {
      bitsPerSecond: counts.reduce((sum, { bytes, ms }) => sum + (ms > 0 ? (bytes * 8000) / ms : 0), 0),
      bytes: counts.reduce((sum, { bytes }) => sum + bytes, 0),
      lostShare: 0,
    }
  }

  async udp({ payloadBytes, bitsPerSecond, seconds }: UdpRequest): Promise<Transfer> {
    await this.#forget()
    const request = { do: 'datagrams', bytes: payloadBytes, bitsPerSecond, seconds } as const
    const sent = await this.a.ask<number>(request, seconds)
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
    const { bytes, ms, datagrams } = await this.#take(this.b)
    return {
      // Over the time of the sender where less came through than shows its own.
      bitsPerSecond: (bytes * 8000) / Math.max(ms, seconds * 1000),
      bytes,
      lostShare: sent === 0 ? 0 : Math.max(0, 1 - datagrams / sent),
    }
  }

  ping({ count, intervalMs }: PingRequest): Promise<number[]> {
    return this.a.ask<number[]>({ do: 'ping', count, intervalMs }, (count * intervalMs) / 1000)
  }

  async usage(): Promise<Usage> {
    const [a, b] = await Promise.all([this.a, this.b].map((end) => end.ask<Usage>({ do: 'usage' })))
    return { cpuSeconds: a!.cpuSeconds + b!.cpuSeconds, residentBytes: a!.residentBytes + b!.residentBytes }
  }

  async close(): Promise<void> {
    await Promise.all([this.a.close(), this.b.close()])
  }

  #take(end: End): Promise<Counts> {
    return end.ask<Counts>({ do: 'take' })
  }

  async #forget(): Promise<void> {
    await Promise.all([this.#take(this.a), this.#take(this.b)])
  }
}
