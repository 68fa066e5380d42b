/**
 * A web application inside the tunnel: only peers reach it. `app` is what Express, Koa's `callback()` and others are.
 * Usage: node examples/http-server.mjs wg0.conf [port]
 */
import http from 'node:http'
import { openNetstackTunnel } from 'wireweave'

const [config, port = '80'] = process.argv.slice(2)
const tunnel = await openNetstackTunnel({ config })

async function app(request, response) {
  try {
    // What it asks others for goes through the tunnel as well.
    const { searchParams } = new URL(request.url, 'http://app')
    const from = searchParams.get('from')
    const text = from === null ? 'hello' : await (await tunnel.fetch(from)).text()
    response.end(`${text} ${request.socket.remoteAddress}\n`)
  } catch (error) {
    response.writeHead(502).end(`${error.message}\n`)
  }
}

const server = http.createServer(app)
const door = tunnel.listen({ port: Number(port) }, (socket) => server.emit('connection', socket))
console.log(`listening on port ${door.address().port} of the tunnel`)

process.once('SIGINT', async () => {
  server.closeAllConnections()
  await tunnel.close()
})
