/** `wireweave-bench serve`. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Command } from 'commander'
import { whole } from './options.js'

/** What opens an address in the browser that people have chosen; elsewhere xdg-open. */
const OPENERS: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
}

interface Options {
  readonly port: number
  readonly open?: boolean
}

export function addServeCommand(program: Command): void {
  program
    .command('serve <report>')
    .description('serve the page of a report (JSON) on this machine only, until interrupted')
    .option('--port <n>', 'a free one when absent', whole, 0)
    .option('--open', 'open it in the browser')
    .action(async (file: string, { port, open }: Options) => {
      const { parseReport } = await import('../report/parse.js')
      const { page, POLICY } = await import('../report/page.js')
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
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
      process.stdout.write(`${address}\n`)
      if (open) openBrowser(address)
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close())
    })
}

function openBrowser(address: string): void {
  const [file, ...args] = OPENERS[process.platform] ?? ['xdg-open']
  const child = spawn(file!, [...args, address], { stdio: 'ignore', detached: true })
  child.once('error', () => process.stderr.write(`${file} is not here: open the address yourself\n`))
  child.unref()
}
