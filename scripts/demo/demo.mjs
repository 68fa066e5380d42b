/**
 * Two WireGuard devices of ours in this process, each with a TCP/IP stack of its own, over real UDP on loopback. A page is
 * fetched through the tunnel, in code and by another program through the proxy. No root, no driver, no interface.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { openProxy } from '@wireweave/proxy/proxy'
import { selectSuite, selectTransportEngine } from '@wireweave/crypto/select'
import { openNetstackTunnel } from 'wireweave'

const SECONDS = Number(process.env.WIREWEAVE_DEMO_SECONDS ?? 3)
const isTerminal = process.stdout.isTTY
const bold = (text) => (isTerminal ? `\u001B[1m${text}\u001B[0m` : text)
const say = (text) => console.log(text)

export async function demo(signal) {
  const open = []
  try {
    await show(signal, (something) => {
      open.unshift(something)
      return something
    })
  } finally {
    for (const something of open) await something.close()
  }
}

/** What `keep` is given is closed in the end. */
async function show(signal, keep) {
  const keys = [keyPair(), keyPair()]
  let onHandshake = () => {}
  const bob = keep(await openNetstackTunnel({ config: { name: 'bob', text: conf(keys[1], keys[0], 2, 1) }, signal }))
  const { listenPort } = await bob.tunnel.snapshot()
  const text = conf(keys[0], keys[1], 1, 2, `Endpoint = 127.0.0.1:${listenPort}`)
  const alice = keep(
    await openNetstackTunnel({
      config: { name: 'alice', text },
      signal,
      onEvent: ({ tag }) => tag === 'sessionEstablished' && onHandshake(),
    }),
  )
  say(bold('Two devices, each with TCP/IP of its own'))
  for (const [i, { name, tunnel }] of [alice, bob].entries()) {
    const { listenPort: port } = await tunnel.snapshot()
    say(`  ${name.padEnd(6)} ${keys[i].publicKey}  10.9.0.${i + 1}, fd09::${i + 1}  udp 127.0.0.1:${port}`)
  }

  say(bold('\nHandshake and ping'))
  const started = performance.now()
  onHandshake = () => say(`  Noise_IKpsk2 handshake in ${(performance.now() - started).toFixed(1)} ms`)
  const times = []
  for (let i = 0; i < 6; i++) times.push(await alice.ping(i % 2 === 0 ? '10.9.0.2' : 'fd09::2', { signal }))
  const [first, ...others] = times.map((ms) => ms.toFixed(2))
  say(`  alice → bob: first ${first} ms (with the handshake), then ${others.join(', ')} ms`)

  say(bold('\nA web page through the tunnel'))
  const server = http.createServer((request, response) => {
    response.end(`Hello ${request.socket.remoteAddress}, this is bob. No interface carried this.`)
  })
  bob.listen({ port: 80, signal }, (socket) => server.emit('connection', socket))
  for (const address of ['10.9.0.2', '[fd09::2]']) {
    const page = await (await alice.fetch(`http://${address}/`, { signal })).text()
    say(`  alice.fetch('http://${address}/')\n    ${page}`)
  }

  say(bold('\nOther programs, through the proxy'))
  await throughProxy(alice, keep, signal)

  say(bold(`\nTCP for ${SECONDS} s, bob → alice`))
  const { bytes, damaged, seconds } = await traffic(alice, bob, signal)
  const [peer] = (await alice.tunnel.snapshot()).peers
  say(bold('\nSummary'))
  say(`  ${mib(bytes)} arrived in order, ${damaged} of ${Math.ceil(bytes / CHUNK.length)} pieces damaged`)
  say(
    `  ${((bytes * 8) / 1e9 / seconds).toFixed(2)} Gbit/s: two TCP stacks and two WireGuard devices on one thread of this machine`,
  )
  const { engine } = selectTransportEngine(new WebAssembly.Memory({ initial: 1, maximum: 1 }))
  say(`  cipher: ${engine.name}; alice received ${mib(peer.rxBytes)} of datagrams`)
  say('  with your own tunnel:  npx wireweave proxy wg0.conf -D 1080')
  server.close()
  if (damaged > 0 || bytes === 0) throw new Error('the demonstration lost its way: please report this')
}

/** curl by SOCKS5 and HTTP where there is curl, else a client of our own by HTTP. */
async function throughProxy(tunnel, keep, signal) {
  const place = { host: '127.0.0.1', port: 0 }
  const services = [
    { kind: 'socks5', ...place },
    { kind: 'http', ...place },
  ]
  const proxy = keep(await openProxy(tunnel, { services, signal }))
  const [socks, plain] = proxy.services.map(({ port }) => port)
  const execute = promisify(execFile)
  for (const [scheme, port, url] of [
    ['socks5h', socks, 'http://10.9.0.2/'],
    ['http', plain, 'http://[fd09::2]/'],
  ]) {
    const args = ['--silent', '--show-error', '--max-time', '10', '--noproxy', '', '--globoff']
    const shown = ['--proxy', `${scheme}://127.0.0.1:${port}`, url]
    try {
      const { stdout } = await execute('curl', [...args, ...shown], { signal })
      say(`  curl ${shown.join(' ')}\n    ${stdout}`)
    } catch (error) {
      if (error.code !== 'ENOENT') throw error
      say(`  GET ${url} by the proxy at 127.0.0.1:${plain} (there is no curl here)\n    ${await get(plain, url)}`)
      return
    }
  }
}

async function get(port, path) {
  const [response] = await once(http.get({ host: '127.0.0.1', port, path }), 'response')
  let text = ''
  for await (const part of response) text += part
  return text
}

/** Each piece is this, so that a byte out of place shows. */
const CHUNK = Buffer.alloc(65_536)
for (let i = 0; i < CHUNK.length; i += 4) CHUNK.writeUInt32LE(Math.imul(i + 1, 2654435761) >>> 0, i)

async function traffic(alice, bob, signal) {
  bob.listen({ port: 9, signal }, (socket) => {
    const go = () => {
      while (!socket.destroyed && socket.write(CHUNK));
    }
    socket.on('drain', go).on('error', () => {})
    go()
  })
  const socket = alice.connect({ host: '10.9.0.2', port: 9, signal })
  let bytes = 0
  let damaged = 0
  socket.on('data', (data) => {
    for (let at = 0; at < data.length;) {
      const offset = bytes % CHUNK.length
      const length = Math.min(data.length - at, CHUNK.length - offset)
      if (data.compare(CHUNK, offset, offset + length, at, at + length) !== 0) damaged++
      bytes += length
      at += length
    }
  })
  await once(socket, 'connect', { signal })
  const started = performance.now()
  const elapsed = () => (performance.now() - started) / 1000
  let before = 0
  let last = 0
  while (elapsed() < SECONDS) {
    await sleep(isTerminal ? 200 : 1000, undefined, { signal })
    const rate = ((bytes - before) * 8) / (elapsed() - last) / 1e9
    const bar = '█'.repeat(Math.min(40, Math.round(rate * 20)))
    const line = `  ${elapsed().toFixed(1).padStart(5)} s  ${rate.toFixed(2)} Gbit/s  ${mib(bytes).padStart(9)}  ${bar}`
    if (isTerminal) process.stdout.write(`\r\u001B[K${line}`)
    else say(line)
    before = bytes
    last = elapsed()
  }
  if (isTerminal) process.stdout.write('\n')
  const seconds = elapsed()
  socket.destroy()
  return { bytes, damaged, seconds }
}

function conf(own, other, n, peer, more = '') {
  return `[Interface]
PrivateKey = ${own.privateKey}
Address = 10.9.0.${n}/32, fd09::${n}/128
[Peer]
PublicKey = ${other.publicKey}
AllowedIPs = 10.9.0.${peer}/32, fd09::${peer}/128
${more}`
}

function keyPair() {
  const secret = new Uint8Array(randomBytes(32))
  const { publicKey } = selectSuite().suite.x25519.importPrivateKey(secret)
  return { privateKey: Buffer.from(secret).toString('base64'), publicKey: Buffer.from(publicKey).toString('base64') }
}

function mib(bytes) {
  return `${(Number(bytes) / 2 ** 20).toFixed(0)} MiB`
}
