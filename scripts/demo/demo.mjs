/**
 * Two WireGuard devices of ours in this process, which know of each other only what a configuration says, shake hands
 * over real UDP on loopback and carry real IP packets. No root, no driver.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { selectSuite, selectTransportEngine } from '@wireweave/crypto/select'
import { userspaceBackend } from '@wireweave/device/userspace-backend'
import { formatKey } from '@wireweave/tunnel/keys'
import { DemoHost } from './host.mjs'

const SECONDS = Number(process.env.WIREWEAVE_DEMO_SECONDS ?? 4)
const WINDOW = 512
const isTerminal = process.stdout.isTTY
const bold = (text) => (isTerminal ? `\u001B[1m${text}\u001B[0m` : text)
const say = (text) => console.log(text)

export async function demo(signal) {
  const names = ['alice', 'bob']
  const addresses = [Uint8Array.of(10, 9, 0, 1), Uint8Array.of(10, 9, 0, 2)]
  const hosts = [new DemoHost(addresses[0], addresses[1]), new DemoHost(addresses[1], addresses[0])]
  const { suite } = selectSuite()
  const secrets = names.map(() => new Uint8Array(randomBytes(32)))
  const publicKeys = secrets.map((secret) => suite.x25519.importPrivateKey(secret).publicKey)
  const events = names.map(() => new EventTarget())
  const tunnels = []
  try {
    for (const [i, name] of names.entries()) {
      const onEvent = (event) => events[i].dispatchEvent(new CustomEvent(event.tag))
      tunnels.push(await userspaceBackend(hosts[i]).open({ name, onEvent }))
      await tunnels[i].apply({ privateKey: secrets[i], listenPort: 0 })
      await tunnels[i].up()
    }
    const ports = await Promise.all(tunnels.map(async (tunnel) => (await tunnel.snapshot()).listenPort))
    for (const i of [0, 1]) {
      const other = 1 - i
      const allowedIps = [{ address: addresses[other], length: 32 }]
      const endpoint = { address: Uint8Array.of(127, 0, 0, 1), port: ports[other] }
      await tunnels[i].apply({ peers: [{ publicKey: publicKeys[other], endpoint, allowedIps }] })
    }
    say(bold('Two devices'))
    for (const [i, name] of names.entries()) {
      say(`  ${name.padEnd(6)} ${formatKey(publicKeys[i])}  ${addresses[i].join('.')}  udp 127.0.0.1:${ports[i]}`)
    }

    say(bold('\nHandshake and ping'))
    const started = performance.now()
    const handshake = once(events[0], 'sessionEstablished', 'the handshake', signal)
    const first = ping(hosts[0], 1, signal)
    await handshake
    say(`  Noise_IKpsk2 handshake in ${(performance.now() - started).toFixed(1)} ms`)
    const times = [await first]
    for (let sequence = 2; sequence <= 6; sequence++) times.push(await ping(hosts[0], sequence, signal))
    say(
      `  alice → bob: first ${times[0].toFixed(2)} ms (with the handshake), then ${times
        .slice(1)
        .map((ms) => ms.toFixed(2))
        .join(', ')} ms`,
    )

    say(bold(`\nTraffic for ${SECONDS} s, alice → bob`))
    const result = await traffic(hosts, signal)
    const shown = await Promise.all(tunnels.map((tunnel) => tunnel.snapshot()))
    const [alice, bob] = shown.map((snapshot) => snapshot.peers[0])
    say(bold('\nSummary'))
    say(
      `  ${result.packets.toLocaleString('en')} packets of 1400 bytes arrived, ${result.damaged} damaged, ${result.lost} lost on the way`,
    )
    say(`  ${(result.bits / 1e9).toFixed(2)} Gbit/s: sealed, sent, received and opened on one thread of this machine`)
    say(
      `  cipher: ${selectTransportEngine(new WebAssembly.Memory({ initial: 1, maximum: 1 })).engine.name}; alice sent ${mib(alice.txBytes)}, bob received ${mib(bob.rxBytes)} of datagrams`,
    )
    say('  as root, the same over a Linux interface: see README.md')
    if (result.damaged > 0 || result.packets === 0)
      throw new Error('the demonstration lost its way: please report this')
  } finally {
    await Promise.all(tunnels.map((tunnel) => tunnel.close()))
  }
}

async function traffic([sender, receiver], signal) {
  const started = performance.now()
  const elapsed = () => (performance.now() - started) / 1000
  let granted = 0
  const topUp = () => {
    const outstanding = granted - receiver.received.packets
    if (elapsed() < SECONDS && outstanding <= WINDOW / 2) {
      granted += WINDOW - outstanding
      sender.grant(WINDOW - outstanding)
    }
  }
  receiver.onArrival = topUp
  topUp()
  let before = 0
  let last = 0
  while (elapsed() < SECONDS) {
    await sleep(isTerminal ? 200 : 1000, undefined, { signal })
    const { packets, bytes } = receiver.received
    const rate = ((bytes - before) * 8) / (elapsed() - last) / 1e9
    const bar = '█'.repeat(Math.min(40, Math.round(rate * 10)))
    const line = `  ${elapsed().toFixed(1).padStart(5)} s  ${rate.toFixed(2)} Gbit/s  ${packets.toLocaleString('en').padStart(9)} packets  ${bar}`
    if (isTerminal) process.stdout.write(`\r\u001B[K${line}`)
    else say(line)
    before = bytes
    last = elapsed()
    // A window whose packets were lost would never move again.
    if (rate === 0) granted = packets
    topUp()
  }
  if (isTerminal) process.stdout.write('\n')
  const seconds = elapsed()
  await sleep(300, undefined, { signal })
  const { packets, bytes, damaged } = receiver.received
  return { packets, damaged, lost: Math.max(0, granted - packets - sender.window), bits: (bytes * 8) / seconds }
}

function ping(host, sequence, signal) {
  const started = performance.now()
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer to ping ${sequence} within 10 s`)), 10_000)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    host.onPong = (answered) => {
      if (answered !== sequence) return
      clearTimeout(timer)
      resolve(performance.now() - started)
    }
    host.ping(sequence)
  })
}

function once(target, name, what, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what} did not happen within 10 s`)), 10_000)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    target.addEventListener(
      name,
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
  })
}

function mib(bytes) {
  return `${(Number(bytes) / 2 ** 20).toFixed(0)} MiB`
}
