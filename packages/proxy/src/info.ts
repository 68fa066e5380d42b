/** `/metrics` and `/readyz`, for those who watch over the proxy. */
import { createServer } from 'node:http'
import { isIP } from 'node:net'
import { isLoopback } from './address.js'
import type { Context, Service } from './context.js'
import { openServer, refuseStrangers } from './listening.js'
import type { Place } from './listening.js'

export interface InfoOptions extends Place {
  readonly kind: 'info'
  /** In the Prometheus text format. */
  metrics(): Promise<string>
  readiness(): Promise<Readiness>
}

export interface Readiness {
  readonly ready: boolean
  /** Shown as JSON. */
  readonly details: object
}

export function openInfo(context: Context, options: InfoOptions): Promise<Service> {
  refuseStrangers(context, '/metrics', options, null)
  const { handshakeMs, headerBytes } = context.limits
  const isLocal = isLoopback(options.host)
  const server = createServer({
    headersTimeout: handshakeMs,
    requestTimeout: handshakeMs,
    connectionsCheckingInterval: Math.min(1000, handshakeMs),
    maxHeaderSize: headerBytes,
  })
  server.on('request', (request, response) => {
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, {
        'content-type': type,
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      })
      response.end(request.method === 'HEAD' ? undefined : body)
    }
    const serve = async (): Promise<void> => {
      if (isLocal && !isOwnHost(request.headers.host))
        return answer(421, 'text/plain', 'ask for an address, or localhost\n')
      const { pathname } = new URL(request.url ?? '/', 'http://proxy')
      if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'text/plain', 'GET or HEAD\n')
      if (pathname === '/metrics') return answer(200, 'text/plain; version=0.0.4', await options.metrics())
      if (pathname !== '/readyz') return answer(404, 'text/plain', '/metrics, /readyz\n')
      const { ready, details } = await options.readiness()
      answer(ready ? 200 : 503, 'application/json', `${JSON.stringify({ ready, ...details })}\n`)
    }
    serve().catch(() => answer(500, 'text/plain', 'failed\n'))
  })
  return openServer(context, server, 'info', options)
}

/** A page in a browser on this machine may have a name of its own lead here (DNS rebinding), and would read the answer. */
function isOwnHost(host: string | undefined): boolean {
  const name = (host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
  return name === '' || name.toLowerCase() === 'localhost' || isIP(name) !== 0
}
