/** Run as a process by {@link End}: a JSON request per line on standard input, a JSON answer per line on standard output. */
import { createInterface } from 'node:readline'
import type { EndRequest } from './end-pair.js'
import { Generator } from './generator.js'
import { openInterface } from './interface-network.js'
import type { InterfaceRequest } from './interface-network.js'
import { openNetworkOf } from './networks.js'
import type { NetworkRequest, TunnelEnd } from './networks.js'

let tunnel: TunnelEnd | null = null
let generator: Generator | null = null

async function answer(request: EndRequest): Promise<unknown> {
  switch (request.do) {
    case 'open':
      return await open(request.network)
    case 'connect':
      return await opened(tunnel).setEndpoint(request.host, request.port)
    case 'handshake':
      return await opened(tunnel).forgetSession()
    case 'send':
      return await opened(generator).send(request.streams, request.seconds)
    case 'datagrams':
      return await opened(generator).datagrams(request.bytes, request.bitsPerSecond, request.seconds)
    case 'ping':
      return await opened(generator).ping(request.count, request.intervalMs)
    case 'take':
      return opened(generator).take()
    case 'usage': {
      const { user, system } = process.cpuUsage()
      return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() }
    }
    default:
      throw new Error('unknown request')
  }
}

function opened<T>(part: T | null): T {
  if (part === null) throw new Error('this end was not opened for that')
  return part
}

/** Returns the port of the tunnel. */
async function open(request: NetworkRequest | InterfaceRequest): Promise<number> {
  if (request.kind === 'interface') tunnel = await openInterface(request)
  else {
    const network = await openNetworkOf(request)
    tunnel = network
    generator = new Generator(network, request.peer)
    await generator.serve()
  }
  return tunnel.port
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
