/** `wireweave-bench serve`. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Command } from 'commander'
import { whole } from './options.js'

interface Options {
  readonly port: number
}

/** Nothing but the page itself: no script, no request to anywhere. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

export function addServeCommand(program: Command): void {
  program
    .command('serve <report>')
    .description('serve the page of a report (JSON) on this machine only, until interrupted')
    .option('--port <n>', 'a free one when absent', whole, 0)
    .action(async (file: string, { port }: Options) => {
      const { parseReport } = await import('../report/report.js')
      const { page } = await import('../report/page.js')
      // Read at each request: a new run is seen by loading the page again.
      const render = (): string => page(parseReport(readFileSync(file, 'utf8'), file))
      render()
      const server = createServer((request, response) => {
        if (request.url !== '/') {
          response.writeHead(404, { 'content-type': 'text/plain' }).end('not found\n')
          return
        }
        try {
          const headers = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': POLICY }
          response.writeHead(200, { ...headers, 'cache-control': 'no-store' }).end(render())
        } catch (error) {
          const text = error instanceof Error ? error.message : String(error)
          response.writeHead(500, { 'content-type': 'text/plain' }).end(`${text}\n`)
        }
      })
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, '127.0.0.1', resolve)
      })
      process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/\n`)
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close())
    })
}
