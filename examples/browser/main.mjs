/**
 * A web page that is a WireGuard peer: serves the page and the relay on loopback, and the site that the page fetches
 * inside a tunnel of this process. Usage: node examples/browser/main.mjs [port]
 */
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { openNetstackTunnel } from 'wireweave'
import { startRelay } from './relay.mjs'

const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const keys = [keyPair(), keyPair()]

const tunnel = await openNetstackTunnel({ config: { name: 'site', text: conf(keys[0], 1, keys[1], 2) } })
const site = http.createServer((request, response) => {
  if (request.url === '/data') response.end(Buffer.alloc(3_000_000, 'tunnel'))
  else response.end(`Hello ${request.socket.remoteAddress}, WireGuard brought you here.`)
})
tunnel.listen({ port: 80 }, (socket) => site.emit('connection', socket))

const { outputFiles } = await build({
  entryPoints: [here('page.ts')],
  bundle: true,
  platform: 'browser',
  format: 'esm',
  minify: true,
  write: false,
})
const files = {
  '/': ['text/html; charset=utf-8', readFileSync(here('page.html'))],
  '/page.js': ['text/javascript', outputFiles[0].contents],
}
const server = http.createServer((request, response) => {
  const [type, content] = files[request.url] ?? []
  if (type === undefined) response.writeHead(404).end()
  else response.writeHead(200, { 'content-type': type }).end(content)
})
const { listenPort } = await tunnel.tunnel.snapshot()
const stopRelay = startRelay(server, { path: '/wireguard', host: '127.0.0.1', port: listenPort })
await once(server.listen(Number(process.argv[2] ?? 0), '127.0.0.1'), 'listening')

// What follows a # stays in the browser.
const secret = encodeURIComponent(conf(keys[1], 2, keys[0], 1, `Endpoint = 127.0.0.1:${listenPort}`))
console.log(`open http://127.0.0.1:${server.address().port}/#${secret}`)

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    stopRelay()
    server.close()
    await tunnel.close()
  })
}

function conf(mine, number, theirs, other, endpoint = '') {
  return `[Interface]
PrivateKey = ${mine.privateKey}
Address = 10.13.0.${number}/32, fd13::${number}/128

[Peer]
PublicKey = ${theirs.publicKey}
AllowedIPs = 10.13.0.${other}/32, fd13::${other}/128
${endpoint}
`
}

function keyPair() {
  const { d, x } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  const base64 = (text) => Buffer.from(text, 'base64url').toString('base64')
  return { privateKey: base64(d), publicKey: base64(x) }
}
