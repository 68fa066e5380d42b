/** Sends, counts and echoes over a {@link Network}. */
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Counts } from './end-pair.js'
import type { Datagrams, Network } from './networks.js'

/** None that iperf3 uses: both may be at work on one address. */
const SINK_PORT = 5311
const ECHO_PORT = 5312

/** Written at once to a TCP stream. */
const CHUNK_BYTES = 128 * 1024
/** Datagrams that wait for the system at once. */
const UNDER_WAY = 32
/** How long a stream may take to end. */
const END_MS = 1000
/** Longer than a handshake waits before its second attempt. */
const LOST_AFTER_MS = 6000

export class Generator {
  readonly #network: Network
  readonly #peer: string
  #bytes = 0
  #datagrams = 0
  #first = 0
  #last = 0
  #echo: Datagrams | null = null
  readonly #awaited = new Map<number, (at: number) => void>()
  #nextPing = 0

  constructor(network: Network, peer: string) {
    this.#network = network
    this.#peer = peer
  }

  /** Takes in whatever comes. */
  async serve(): Promise<void> {
    await this.#network.listen(SINK_PORT, (socket) => {
      socket.on('data', (data: Uint8Array) => this.#count(data.length))
      socket.on('error', () => {})
      socket.on('end', () => socket.end())
    })
    const sink = await this.#network.datagrams(SINK_PORT)
    sink.onMessage((data) => {
      this.#datagrams += 1
      this.#count(data.length)
    })
    const echo = await this.#network.datagrams(ECHO_PORT)
    echo.onMessage((data, host, port) => void echo.send(data, host, port))
  }

  take(): Counts {
    const counts = { bytes: this.#bytes, ms: this.#last - this.#first, datagrams: this.#datagrams }
    this.#bytes = this.#datagrams = this.#first = this.#last = 0
    return counts
  }

  #count(bytes: number): void {
    this.#last = performance.now()
    if (this.#first === 0) this.#first = this.#last
    this.#bytes += bytes
  }

  async send(streams: number, seconds: number): Promise<void> {
    const sockets = await Promise.all(Array.from({ length: streams }, () => this.#connect()))
    const chunk = new Uint8Array(CHUNK_BYTES).fill(0x5a)
    const end = performance.now() + seconds * 1000
    await Promise.all(sockets.map((socket) => fill(socket, chunk, end)))
  }

  async #connect(): Promise<Duplex> {
    const socket = this.#network.connect(this.#peer, SINK_PORT)
    await once(socket, 'connect')
    socket.resume()
    return socket
  }

  /** Returns how many were handed over. */
  async datagrams(bytes: number, bitsPerSecond: number, seconds: number): Promise<number> {
    const out = await this.#network.datagrams(0)
    const data = new Uint8Array(bytes).fill(0x5a)
    const start = performance.now()
    const end = start + seconds * 1000
    let sent = 0
    const isAhead = (now: number): boolean =>
      bitsPerSecond > 0 && sent * bytes * 8 > ((now - start) / 1000) * bitsPerSecond
    const lane = async (): Promise<void> => {
      for (let now = start; now < end; now = performance.now()) {
        if (isAhead(now)) await sleep(1)
        else {
          sent += 1
          await out.send(data, this.#peer, SINK_PORT)
        }
      }
    }
    await Promise.all(Array.from({ length: bitsPerSecond > 0 ? 1 : UNDER_WAY }, lane))
    return sent
  }

  /** One after the other at even intervals, whether or not answers came. */
  async ping(count: number, intervalMs: number): Promise<number[]> {
    const echo = (this.#echo ??= await this.#openEcho())
    const times: number[] = []
    const answers: Promise<void>[] = []
    for (let i = 0; i < count; i++) {
      const number = this.#nextPing++
      const message = new Uint8Array(56)
      new DataView(message.buffer).setUint32(0, number)
      const sent = performance.now()
      answers.push(
        new Promise((resolve) => {
          const lost = setTimeout(() => {
            this.#awaited.delete(number)
            resolve()
          }, LOST_AFTER_MS)
          this.#awaited.set(number, (at) => {
            clearTimeout(lost)
            times.push(at - sent)
            resolve()
          })
        }),
      )
      await echo.send(message, this.#peer, ECHO_PORT)
      if (i + 1 < count) await sleep(intervalMs)
    }
    await Promise.all(answers)
    return times
  }

  async #openEcho(): Promise<Datagrams> {
    const echo = await this.#network.datagrams(0)
    echo.onMessage((data) => {
      const number = new DataView(data.buffer, data.byteOffset).getUint32(0)
      const waiting = this.#awaited.get(number)
      this.#awaited.delete(number)
      waiting?.(performance.now())
    })
    return echo
  }
}

async function fill(socket: Duplex, chunk: Uint8Array, end: number): Promise<void> {
  const failed = new Promise<never>((_, reject) => socket.once('error', reject))
  failed.catch(() => {})
  while (performance.now() < end) {
    if (socket.write(chunk)) continue
    const left = end - performance.now()
    await Promise.race([once(socket, 'drain'), sleep(Math.max(1, left)), failed])
  }
  socket.end()
  await Promise.race([once(socket, 'close'), sleep(END_MS)])
  socket.destroy()
}
