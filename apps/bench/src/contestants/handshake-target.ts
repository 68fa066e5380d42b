/** How many handshakes a device answers in a second on one core: valid initiations from many keys, in alternating rounds. */
import { randomBytes } from 'node:crypto'
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { command, exitOf } from '../run/command.js'
import { topologyOf } from './contestant.js'
import type { Contestant, Place } from './contestant.js'
import { whereIs } from './processes.js'

/** Below what any of them takes for load: then each initiation is answered with a response, not with a cookie. */
const WINDOW = 48
const PORT = 53100

/** Starts the contestant on the first core and gives it `count` peers. What comes back measures answers per second. */
export async function openHandshakeTarget(
  place: Place,
  contestant: Contestant,
  number: number,
  count: number,
): Promise<() => Promise<number>> {
  if (whereIs('taskset') === null) throw new Error('taskset is missing: apt-get install util-linux')
  const topology = topologyOf(place)
  const name = `${topology.tag}${number}h`
  const pid = await contestant.startDaemon!(topology, name)
  await command('taskset', ['-a', '-c', '-p', '0', `${pid}`])
  const port = PORT + number
  const secrets = randomBytes(count * 32)
  const privateKey = (await command('wg', ['genkey'])).stdout
  const publicKey = (await command('wg', ['pubkey'], { input: privateKey })).stdout.trim()
  const client = fileURLToPath(new URL('handshake-client.js', import.meta.url))
  const publicKeys = (await command(process.execPath, [client, 'public-keys'], { input: secrets, seconds: 60 })).stdout
  const peers = publicKeys.split('\n').map((key) => `[Peer]\nPublicKey = ${key}\n`)
  const conf = `[Interface]\nPrivateKey = ${privateKey}ListenPort = ${port}\n${peers.join('')}`
  await command('sh', ['-c', `cat | wg setconf ${name} /proc/self/fd/0`], { input: conf, seconds: 60 })
  await command('ip', ['-n', topology.namespace.a, 'link', 'set', name, 'up'])
  const key = Buffer.from(publicKey, 'base64').toString('hex')
  const core = availableParallelism() > 1 ? '1' : '0'
  return async () => {
    const inside = ['netns', 'exec', topology.namespace.a, 'taskset', '-c', core, process.execPath, client]
    const child = spawn('ip', [...inside, `${port}`, key, `${WINDOW}`], { stdio: ['pipe', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stdin.end(secrets)
    if ((await exitOf(child)) !== 0) throw new Error('the handshake client failed')
    const { answered, seconds } = JSON.parse(output) as { answered: number; seconds: number }
    if (answered < count * 0.9)
      throw new Error(`only ${answered} of ${count} initiations were answered; the rest it took for a flood`)
    return answered / seconds
  }
}
