/**
 * What stands behind a tunnel in tests, on the kernel's TCP and UDP of both families: files over HTTP on port 80, an echo
 * on 7, and a DNS server on 53 that knows `www.inside.test`. Usage: node services.mjs FOLDER IPV4 IPV6
 */
import { createSocket } from 'node:dgram'
import { createReadStream, statSync } from 'node:fs'
import http from 'node:http'
import net, { isIPv6 } from 'node:net'
import path from 'node:path'

const [folder, v4, v6] = process.argv.slice(2)

const files = http.createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://here')
  const file = path.join(folder, path.normalize(pathname))
  try {
    const { size } = statSync(file)
    response.setHeader('content-length', size)
    response.setHeader('content-type', file.endsWith('.html') ? 'text/html' : 'application/octet-stream')
    createReadStream(file, { highWaterMark: 256 * 1024 }).pipe(response)
  } catch {
    response.writeHead(404).end()
  }
})
const echo = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  socket.on('error', () => {})
  socket.pipe(socket)
})

/** RFC 1035 §4.1: the question comes back, with an address if there is one of that type. */
function answer(query) {
  let at = 12
  const labels = []
  for (let length = query[at]; length > 0; length = query[at]) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  const type = query.readUInt16BE(at + 1)
  const question = query.subarray(12, at + 5)
  const isKnown = labels.join('.').toLowerCase() === 'www.inside.test'
  const address = !isKnown ? null : type === 1 ? bytesOf(v4) : type === 28 ? bytesOf(v6) : null
  const header = Buffer.from([query[0], query[1], 0x84, isKnown ? 0 : 3, 0, 1, 0, address === null ? 0 : 1, 0, 0, 0, 0])
  if (address === null) return Buffer.concat([header, question])
  const record = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, address.length])
  return Buffer.concat([header, question, record, address])
}

/** Of `192.0.2.1` and of `fd00::1`, which has one gap. */
function bytesOf(text) {
  if (!isIPv6(text)) return Buffer.from(text.split('.').map(Number))
  const [head, tail] = text.split('::').map((half) => half.split(':').filter(Boolean))
  const groups = [...head, ...new Array(8 - head.length - tail.length).fill('0'), ...tail]
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex')
}

for (const [type, address] of [
  ['udp4', v4],
  ['udp6', v6],
]) {
  const dns = createSocket(type)
  dns.on('message', (query, from) => dns.send(answer(query), from.port, from.address))
  dns.bind(53, address)
}
// A thousand come at once: where the queue is too short the kernel answers with cookies, and resets whose first data it drops.
files.listen(80, '::', () => echo.listen({ port: 7, host: '::', backlog: 4096 }, () => console.log('ready')))
