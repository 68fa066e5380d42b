/** Run as a process by {@link End}: a JSON request per line on standard input, a JSON answer per line on standard output. */
import { createInterface } from 'node:readline'
import type { EndRequest } from './end-pair.js'
import { Generator } from './generator.js'
import { openNetworkOf } from './networks.js'
import type { Network } from './networks.js'

let network: Network | null = null
let generator: Generator | null = null

async function answer(request: EndRequest): Promise<unknown> {
  if (request.do === 'open') {
    network = await openNetworkOf(request.network)
    generator = new Generator(network, request.network.peer)
    await generator.serve()
    return network.port
  }
  if (network === null || generator === null) throw new Error('there is no network yet')
  switch (request.do) {
    case 'connect':
      return await network.setEndpoint(request.host, request.port)
    case 'send':
      return await generator.send(request.streams, request.seconds)
    case 'datagrams':
      return await generator.datagrams(request.bytes, request.bitsPerSecond, request.seconds)
    case 'ping':
      return await generator.ping(request.count, request.intervalMs)
    case 'take':
      return generator.take()
    case 'handshake':
      return await network.forgetSession()
    case 'usage': {
      const { user, system } = process.cpuUsage()
      return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() }
    }
    default:
      throw new Error('unknown request')
  }
}

async function outcome(line: string): Promise<unknown> {
  try {
    return { value: (await answer(JSON.parse(line) as EndRequest)) ?? null }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

/** Load and ping are under way at once; their answers keep the order of the requests. */
let last = Promise.resolve()
createInterface({ input: process.stdin })
  .on('line', (line) => {
    const result = outcome(line)
    last = last.then(async () => void process.stdout.write(`${JSON.stringify(await result)}\n`))
  })
  .on('close', () => process.exit())
