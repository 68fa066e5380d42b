/**
 * A question over UDP and its answer.
 * Usage: node examples/udp.mjs wg0.conf HOST PORT TEXT
 */
import { once } from 'node:events'
import { openNetstackTunnel } from 'wireweave'

const [config, host, port, text] = process.argv.slice(2)
const tunnel = await openNetstackTunnel({ config })
try {
  const [{ address }] = await tunnel.lookup(host)
  const socket = tunnel.udp()
  const signal = AbortSignal.timeout(5000)
  const answered = once(socket, 'message', { signal })
  await socket.send(Buffer.from(text), Number(port), address)
  const [message, from] = await answered
  console.log(`${from.address}:${from.port} answers: ${message}`)
} finally {
  await tunnel.close()
}
