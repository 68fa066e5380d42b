/**
 * Memory of the proxy with many idle connections, each of them SOCKS5 on loopback on one side and TCP in a tunnel on the
 * other. Client and far end are processes of their own. Needs everything built and enough descriptors (ulimit -n).
 * Usage: node bench/connections.mjs [connections]
 */
import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { openProxy } from '@wireweave/proxy/proxy'
import { openNetstackTunnel } from 'wireweave'

const AT_ONCE = 200
const [role, ...rest] = process.argv.slice(2)
if (role === 'far') await far(...rest)
else if (role === 'proxy') await proxy(...rest)
else await main(Number(role ?? 10_000))

async function main(count) {
  const keys = [keyPair(), keyPair()]
  const conf = (i, more) =>
    `[Interface]\nPrivateKey = ${keys[i].privateKey}\nAddress = 10.0.0.${i + 1}/32
[Peer]\nPublicKey = ${keys[1 - i].publicKey}\nAllowedIPs = 10.0.0.${2 - i}/32\n${more}`
  const farEnd = start('far', conf(1, ''))
  const listenPort = await farEnd.line()
  const middle = start('proxy', conf(0, `Endpoint = 127.0.0.1:${listenPort}`), String(count))
  const port = Number(await middle.line())
  const request = Buffer.from([5, 1, 0, 5, 1, 0, 1, 10, 0, 0, 2, 0, 7])
  const open = async () => {
    const socket = net.connect(port, '127.0.0.1')
    socket.write(request)
    for (let received = 0; received < 12; received += (await once(socket, 'data'))[0].length);
    return socket
  }
  // What the first ones bring into being, such as code and pools, belongs to none of them.
  const kept = [...(await Promise.all(Array.from({ length: AT_ONCE }, open)))]
  const before = await middle.memory()
  const begun = performance.now()
  while (kept.length < count + AT_ONCE) kept.push(...(await Promise.all(Array.from({ length: AT_ONCE }, open))))
  const ms = performance.now() - begun
  const after = await middle.memory()
  const each = (name) => `${((after[name] - before[name]) / count / 1024).toFixed(1)} KiB`
  console.log(`${count} connections open through the proxy, ${((count / ms) * 1000).toFixed(0)} a second`)
  console.log(`${each('used')} of JavaScript and buffers for each, ${each('resident')} of resident memory`)
  process.exit(0)
}

function start(...words) {
  const child = spawn(process.execPath, ['--expose-gc', fileURLToPath(import.meta.url), ...words], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  process.on('exit', () => child.kill())
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async () => (await lines.next()).value
  const memory = async () => {
    child.stdin.write('?\n')
    return JSON.parse(await line())
  }
  return { line, memory }
}

async function far(text) {
  const tunnel = await openNetstackTunnel({ config: { name: 'far', text } })
  tunnel.listen({ port: 7 }, (socket) => void socket.resume())
  console.log((await tunnel.tunnel.snapshot()).listenPort)
}

async function proxy(text, count) {
  const tunnel = await openNetstackTunnel({ config: { name: 'proxy', text } })
  const { services } = await openProxy(tunnel, {
    services: [{ kind: 'socks5', host: '127.0.0.1', port: 0 }],
    limits: { connections: Number(count) + 2 * AT_ONCE },
  })
  console.log(services[0].port)
  for await (const _ of createInterface({ input: process.stdin })) {
    gc()
    await new Promise((resolve) => setTimeout(resolve, 500))
    gc()
    const { heapUsed, external } = process.memoryUsage()
    const resident = Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024
    console.log(JSON.stringify({ used: heapUsed + external, resident }))
  }
}

function keyPair() {
  const { d, x } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  const base64 = (part) => Buffer.from(part, 'base64url').toString('base64')
  return { privateKey: base64(d), publicKey: base64(x) }
}
