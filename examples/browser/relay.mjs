/**
 * Browsers have no UDP. This carries each binary message of a WebSocket as one datagram to one WireGuard peer, and each
 * answer back. It sees what any router sees: datagrams that it can neither read nor forge.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { WebSocketServer } from 'ws'

/** The largest UDP payload. */
const MAX_DATAGRAM_BYTES = 65507
/** What may wait for a slow browser; beyond it datagrams are lost, as in any full queue. */
const MAX_WAITING_BYTES = 1 << 20

/**
 * Serves WebSockets at `path` of an HTTP server, for pages of that server only. `host` is an address, not a name.
 * Returns what ends them all.
 */
export function startRelay(server, { path, host, port, maxBrowsers = 64 }) {
  const sockets = new WebSocketServer({
    server,
    path,
    maxPayload: MAX_DATAGRAM_BYTES,
    perMessageDeflate: false,
    // Any page in the browser can open a WebSocket to here; its origin says which one did.
    verifyClient: ({ origin, req }) => origin === `http://${req.headers.host}` && sockets.clients.size < maxBrowsers,
  })
  sockets.on('connection', (browser) => carry(browser, host, port))
  return () => {
    for (const browser of sockets.clients) browser.terminate()
    sockets.close()
  }
}

async function carry(browser, host, port) {
  const udp = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  // Nobody listens there, or the network is down: the datagram is lost, and WireGuard asks again.
  udp.on('error', () => {})
  browser.on('error', () => {})
  browser.on('close', () => udp.close())
  browser.pause()
  udp.connect(port, host)
  await once(udp, 'connect').catch(() => browser.terminate())
  udp.on('message', (datagram) => {
    if (browser.bufferedAmount < MAX_WAITING_BYTES) browser.send(datagram)
  })
  browser.on('message', (datagram, isBinary) => {
    if (isBinary) udp.send(datagram)
    else browser.terminate()
  })
  browser.resume()
}
