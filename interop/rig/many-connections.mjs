/**
 * Opens connections through a SOCKS5 proxy, all at a time, sends bytes to an echo over each and compares what comes back.
 * Usage: node many-connections.mjs PROXY_PORT HOST COUNT BYTES
 */
import { once } from 'node:events'
import net, { isIPv6 } from 'node:net'

const [proxyPort, host, count, bytes] = process.argv.slice(2)
const name = Buffer.from(host)
// By name, also what is an address: the proxy takes either.
const request = Buffer.concat([Buffer.from([5, 1, 0, 5, 1, 0, 3, name.length]), name, Buffer.from([0, 7])])
const replyBytes = 2 + 4 + (isIPv6(host) ? 16 : 4) + 2

async function open() {
  const socket = net.connect({ port: Number(proxyPort), host: '127.0.0.1', allowHalfOpen: true })
  socket.write(request)
  let received = Buffer.alloc(0)
  while (received.length < replyBytes) received = Buffer.concat([received, (await once(socket, 'data'))[0]])
  if (received[3] !== 0) throw new Error(`reply ${received[3]}`)
  return socket
}

async function exchange(socket, i) {
  const data = Buffer.alloc(Number(bytes))
  for (let at = 0; at < data.length; at++) data[at] = (at * 7 + i) & 255
  const parts = []
  socket.on('data', (part) => parts.push(part))
  socket.end(data)
  await once(socket, 'end')
  if (!Buffer.concat(parts).equals(data)) throw new Error(`connection ${i} brought back something else`)
}

const sockets = await Promise.all(Array.from({ length: Number(count) }, open))
console.log(`${sockets.length} open`)
await Promise.all(sockets.map(exchange))
console.log(`${sockets.length} right`)
