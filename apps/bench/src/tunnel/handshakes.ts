/** How many handshakes a device answers in a second on one core: valid initiations from many keys, in alternating rounds. */
import { randomBytes } from 'node:crypto'
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { command, exitOf } from './command.js'
import type { Contestant } from './contestant.js'
import type { Topology } from './topology.js'

/** Below what any of them takes for load: then each initiation is answered with a response, not with a cookie. */
const WINDOW = 48
const PORT = 53100

export interface HandshakeTarget {
  readonly contestant: string
  /** Answers per second. */
  sample(): Promise<number>
}

/** Starts the contestant on the first core and gives it `count` peers. */
export async function openHandshakeTarget(
  topology: Topology,
  contestant: Contestant,
  number: number,
  count: number,
): Promise<HandshakeTarget> {
  const name = `wwb${number}h${process.pid % 10000}`
  const pid = await contestant.start(topology, 'a', name)
  await command('taskset', ['-a', '-c', '-p', '0', `${pid}`])
  const port = PORT + number
  const secrets = randomBytes(count * 32)
  const privateKey = (await command('wg', ['genkey'])).stdout
  const publicKey = (await command('wg', ['pubkey'], { input: privateKey })).stdout.trim()
  const client = fileURLToPath(new URL('handshake-client.js', import.meta.url))
  const publicKeys = (await command(process.execPath, [client, 'public-keys'], { input: secrets, seconds: 60 })).stdout
  const peers = publicKeys.split('\n').map((key) => `[Peer]\nPublicKey = ${key}\n`)
  const conf = `[Interface]\nPrivateKey = ${privateKey}ListenPort = ${port}\n${peers.join('')}`
  await command('sh', ['-c', `cat | wg setconf ${name} /dev/stdin`], { input: conf, seconds: 60 })
  await command('ip', ['-n', topology.namespace.a, 'link', 'set', name, 'up'])
  const key = Buffer.from(publicKey, 'base64').toString('hex')
  return {
    contestant: contestant.name,
    async sample() {
      const inside = ['netns', 'exec', topology.namespace.a, 'taskset', '-c', '1', process.execPath, client]
      const child = spawn('ip', [...inside, `${port}`, key, `${WINDOW}`], { stdio: ['pipe', 'pipe', 'inherit'] })
      let output = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
      child.stdin.end(secrets)
      if ((await exitOf(child)) !== 0) throw new Error('the handshake client failed')
      const { answered, seconds } = JSON.parse(output) as { answered: number; seconds: number }
      if (answered < count * 0.9) throw new Error(`only ${answered} of ${count} initiations were answered`)
      return answered / seconds
    },
  }
}
