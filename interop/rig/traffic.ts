/** Traffic, and what became of it. */
import type { Host } from './lab.js'

export interface PingResult {
  readonly sent: number
  readonly received: number
}

/** `ping` with these words before its target. */
export async function ping(host: Host, target: string, words = '-c 1 -W 2'): Promise<PingResult> {
  const { stdout, stderr } = await host.attempt('ping', [...words.split(' '), target], { seconds: 60 })
  const match = /(\d+) packets transmitted, (\d+) (?:packets )?received/.exec(stdout)
  if (match === null) throw new Error(`ping ${target}: ${stdout}${stderr}`)
  return { sent: Number(match[1]), received: Number(match[2]) }
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
      const { stdout } = await client.attempt('iperf3', args, { seconds: 180 })
      // The server takes a moment to listen.
      if (tries === 40 || !stdout.includes('Connection refused')) return parseIperf(stdout)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  } finally {
    // Its client may have failed before it was ever called.
    await listener.stop()
  }
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

/** Bytes of junk as UDP datagrams to `target`, by a Node process inside `host`, for some seconds; how many were sent. */
export async function floodWithJunk(host: Host, target: string, targetPort: number, seconds: number): Promise<number> {
  const script = `
    import { createSocket } from 'node:dgram'
    import { randomFillSync } from 'node:crypto'
    const [target, port, seconds] = process.argv.slice(1)
    const socket = createSocket(target.includes(':') ? 'udp6' : 'udp4')
    const sizes = [0, 1, 16, 31, 32, 33, 64, 92, 148, 149, 1452]
    const end = Date.now() + seconds * 1000
    let sent = 0
    const step = () => {
      for (let i = 0; i < 64; i++) {
        const bytes = randomFillSync(Buffer.alloc(sizes[sent % sizes.length]))
        // Three of four look like a message of a known type at first sight.
        if (bytes.length >= 4 && sent % 4 < 3) bytes.writeUInt32LE(1 + sent % 4)
        socket.send(bytes, Number(port), target)
        sent++
      }
      if (Date.now() < end) setImmediate(step)
      else socket.close(() => console.log(sent))
    }
    step()`
  const args = ['--input-type=module', '-e', script, target, String(targetPort), String(seconds)]
  return Number(await host.run(process.execPath, args, { seconds: seconds + 20 }))
}
