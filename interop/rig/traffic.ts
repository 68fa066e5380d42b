/** Traffic, and what became of it. */
import { fileURLToPath } from 'node:url'
import { eventually } from './command.js'
import type { Background, Host } from './lab.js'

export interface PingResult {
  readonly sent: number
  readonly received: number
  /** Of those that were lost, the most in a row; of a flood unknown. */
  readonly hole: number
}

/** `ping` with these words before its target. */
export async function ping(host: Host, target: string, words = '-c 1 -W 2', seconds = 60): Promise<PingResult> {
  const { stdout, stderr } = await host.attempt('ping', [...words.split(' '), target], { seconds })
  const match = /(\d+) packets transmitted, (\d+) (?:packets )?received/.exec(stdout)
  if (match === null) throw new Error(`ping ${target}: ${stdout}${stderr}`)
  const [sent, received] = [Number(match[1]), Number(match[2])]
  return { sent, received, hole: longestHole(stdout, sent) }
}

function longestHole(stdout: string, sent: number): number {
  const numbers = [...stdout.matchAll(/ icmp_seq=(\d+) ttl=/g)].map((line) => Number(line[1])).toSorted((a, b) => a - b)
  return Math.max(...[...numbers, sent + 1].map((number, i) => number - (numbers[i - 1] ?? 0) - 1))
}

/**
 * The smallest part of a flood of pings that got lost in up to four tries: for the last answers ping waits twice as long
 * as the slowest before took, and a busy machine longer.
 */
export async function pingLoss(host: Host, target: string, words: string): Promise<number> {
  let loss = 1
  for (let tries = 0; tries < 4 && loss > 0.02; tries++) {
    const { sent, received } = await ping(host, target, words)
    loss = Math.min(loss, (sent - received) / sent)
  }
  return loss
}

/** Whether one of a few pings in a row comes back: a first one may be lost while a handshake is under way. */
export async function reaches(host: Host, target: string, tries = 5): Promise<boolean> {
  for (let i = 0; i < tries; i++) if ((await ping(host, target)).received > 0) return true
  return false
}

export interface IperfResult {
  readonly bytes: number
  readonly seconds: number
  /** Of UDP; 0 of TCP. */
  readonly lostPackets: number
  readonly packets: number
  /** Received bytes of each interval asked for. */
  readonly intervalBytes: readonly number[]
}

let port = 5300

/** iperf3 from `client` to `server`, whose address is `target`; `words` say how much. What the receiver got. */
export async function iperf(client: Host, server: Host, target: string, words: string): Promise<IperfResult> {
  port++
  const listener = server.start(`iperf3-${port}`, 'iperf3', ['-s', '-1', '-p', String(port), '-B', target])
  try {
    const args = ['-c', target, '-p', String(port), '-J', '--connect-timeout', '5000', ...words.split(' ')]
    for (let tries = 0; ; tries++) {
      const { stdout } = await client.attempt('iperf3', args, { seconds: 230 })
      // The server takes a moment to listen.
      if (tries === 40 || !stdout.includes('Connection refused')) return parseIperf(stdout)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  } finally {
    // Its client may have failed before it was ever called.
    await listener.stop()
  }
}

/** The smallest part of its UDP datagrams that got lost in up to six tries: a busy machine drops some of a burst. */
export async function udpLoss(client: Host, server: Host, target: string, words: string): Promise<number> {
  let loss = 1
  for (let tries = 0; tries < 6 && loss > 0.1; tries++) {
    const { lostPackets, packets } = await iperf(client, server, target, `-u ${words}`)
    loss = Math.min(loss, lostPackets / packets)
  }
  return loss
}

interface IperfJson {
  readonly error?: string
  readonly end: { readonly sum_received: IperfSum }
  readonly intervals: readonly { readonly sum: { readonly bytes: number } }[]
}
interface IperfSum {
  readonly bytes: number
  readonly seconds: number
  readonly lost_packets?: number
  readonly packets?: number
}

/** iperf3 says what is wrong in its output, with an exit code of 0 or 1. */
function parseIperf(text: string): IperfResult {
  const { error, end, intervals } = JSON.parse(text) as IperfJson
  if (error !== undefined) throw new Error(`iperf3: ${error}`)
  const received = end.sum_received
  return {
    bytes: received.bytes,
    seconds: received.seconds,
    lostPackets: received.lost_packets ?? 0,
    packets: received.packets ?? 0,
    intervalBytes: intervals.map(({ sum }) => sum.bytes),
  }
}

/** Collects the UDP datagrams, as text, that arrive at an address of `host`. */
export class UdpSink implements AsyncDisposable {
  readonly #process: Background

  private constructor(process: Background) {
    this.#process = process
  }

  static async open(host: Host, address: string, port: number): Promise<UdpSink> {
    const script = `
      import { createSocket } from 'node:dgram'
      const [address, port] = process.argv.slice(1)
      const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
      socket.on('message', (bytes) => console.log(String(bytes)))
      socket.bind(Number(port), address, () => console.log('listening'))`
    const name = `sink-${host.name}-${port}-${performance.now()}`
    const args = ['--input-type=module', '-e', script, address, String(port)]
    const sink = new UdpSink(host.start(name, process.execPath, args))
    await eventually('the sink listens', () => sink.#process.output.startsWith('listening'))
    return sink
  }

  get received(): string[] {
    return this.#process.output.split('\n').slice(1, -1)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop()
  }
}

/** Sends one datagram. */
export async function sendUdp(host: Host, target: string, port: number, text: string): Promise<void> {
  const script = `
    import { createSocket } from 'node:dgram'
    const [target, port, text] = process.argv.slice(1)
    const socket = createSocket(target.includes(':') ? 'udp6' : 'udp4')
    socket.send(text, Number(port), target, () => socket.close())`
  await host.run(process.execPath, ['--input-type=module', '-e', script, target, String(port), text])
}

/** Takes what comes over TCP and says its checksum, for {@link sendChecked}. */
export class ChecksumServer implements AsyncDisposable {
  readonly #process: Background

  private constructor(process: Background) {
    this.#process = process
  }

  /** On all addresses of `host`. */
  static async open(host: Host, port: number): Promise<ChecksumServer> {
    const script = `
      import { createHash } from 'node:crypto'
      import { createServer } from 'node:net'
      const server = createServer((socket) => {
        const hash = createHash('sha256')
        let missing = 0
        socket.on('error', () => {})
        socket.on('data', (bytes) => {
          if (missing === 0) {
            const line = bytes.indexOf('\\n')
            missing = Number(bytes.toString('latin1', 0, line))
            bytes = bytes.subarray(line + 1)
          }
          hash.update(bytes)
          missing -= bytes.length
          if (missing <= 0) socket.end(hash.digest('hex') + '\\n')
        })
      })
      server.listen(Number(process.argv[1]), '::', () => console.log('listening'))`
    const args = ['--input-type=module', '-e', script, String(port)]
    const server = new ChecksumServer(host.start(`checksum-${host.name}`, process.execPath, args))
    await eventually('the checksum server listens', () => server.#process.output.startsWith('listening'), 30)
    return server
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop()
  }
}

/** Sends random bytes to a {@link ChecksumServer}; whether they arrived as they were. */
export async function sendChecked(host: Host, target: string, port: number, bytes: number): Promise<boolean> {
  const script = `
    exec 3<>"/dev/tcp/$1/$2"
    echo "$3" >&3
    sum=$(head -c "$3" /dev/urandom | tee >(cat >&3) | sha256sum)
    read -r answer <&3
    [ "\${sum%% *}" = "$answer" ]`
  const args = ['-c', script, 'send', target, String(port), String(bytes)]
  return (await host.attempt('bash', args, { seconds: 200 })).code === 0
}

/** Sends UDP datagrams of these lengths to the discard port, one after the other. */
export async function sendSizes(host: Host, target: string, sizes: readonly number[]): Promise<void> {
  const script = `
    import { createSocket } from 'node:dgram'
    const [target, sizes] = process.argv.slice(1)
    const socket = createSocket(target.includes(':') ? 'udp6' : 'udp4')
    for (const size of sizes.split(',').map(Number)) {
      await new Promise((resolve, reject) =>
        socket.send(new Uint8Array(size), 9, target, (error) => (error ? reject(error) : resolve())))
    }
    socket.close()`
  await host.run(process.execPath, ['--input-type=module', '-e', script, target, sizes.join()], { seconds: 200 })
}

export type FloodKind = 'junk' | 'initiations' | 'data'

/**
 * Thousands of hostile datagrams in each of some seconds; how many were sent. All but `junk` are as right as a
 * stranger can make them who knows `publicKey`, the base64 key of the target.
 */
export async function flood(
  host: Host,
  target: string,
  targetPort: number,
  kind: FloodKind,
  publicKey: string,
  seconds: number,
): Promise<number> {
  const script = fileURLToPath(new URL('flood.mjs', import.meta.url))
  const args = [script, target, String(targetPort), kind, publicKey, String(seconds)]
  return Number(await host.run(process.execPath, args, { seconds: seconds + 120 }))
}
