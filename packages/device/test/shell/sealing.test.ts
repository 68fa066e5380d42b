/** Whole tunnels whose packets are sealed by several threads. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { nobleSuite } from '@wireweave/crypto/noble'
import { innerPacket } from '@wireweave/testkit/inner-packet'
import { MemoryAdapter } from '@wireweave/testkit/memory-port'
import type { MemoryPort } from '@wireweave/testkit/memory-port'
import type { Tunnel } from '@wireweave/tunnel/backend'
import { parseEndpoint, parseIp } from '@wireweave/tunnel/ip'
import type { PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import { linuxBindWorksHere } from '../../src/shell/bind-linux.js'
import { userspaceBackend } from '../../src/userspace-backend.js'
import type { NamedBind, UserspaceOptions } from '../../src/userspace-backend.js'
import { bundlePackage } from './support/bundle.js'
import type { Bundle } from './support/bundle.js'
import { PATIENCE_MS } from './support/pair.js'

const BATCH_SIZE = 64

let bundle: Bundle
beforeAll(async () => {
  bundle = await bundlePackage()
})
afterAll(() => bundle.remove())

/** Threads that were started since a test began. */
const started: unknown[] = []
const onWorker = (worker: unknown): void => void started.push(worker)
beforeAll(() => void process.on('worker', onWorker))
afterAll(() => void process.off('worker', onWorker))

interface Host {
  readonly tunnel: Tunnel
  readonly port: MemoryPort
  readonly number: number
  readonly publicKey: PublicKey
}

const hosts: Host[] = []
async function open(number: number, options: UserspaceOptions): Promise<Host> {
  const adapter = new MemoryAdapter({ batchSize: BATCH_SIZE })
  const tunnel = await bundle.userspaceBackend(adapter, options).open({ name: 'memory' })
  const privateKey = new Uint8Array(32).fill(number) as PrivateKey
  const publicKey = nobleSuite.x25519.importPrivateKey(privateKey).publicKey as PublicKey
  const host = { tunnel, port: adapter.ports.get('memory')!, number, publicKey }
  hosts.push(host)
  await tunnel.apply({ privateKey })
  await tunnel.up()
  return host
}
afterEach(async () => {
  for (const { tunnel } of hosts.splice(0)) await tunnel.close()
  started.length = 0
})

const addressOf = (number: number): Uint8Array => parseIp(`10.99.0.${number}`)!

async function connect(a: Host, b: Host): Promise<void> {
  const prefix = ({ number }: Host) => [{ address: addressOf(number), length: 32 }]
  const { listenPort } = await b.tunnel.snapshot()
  await b.tunnel.apply({ peers: [{ publicKey: a.publicKey, allowedIps: prefix(a) }] })
  const endpoint = parseEndpoint(`127.0.0.1:${listenPort}`)!
  await a.tunnel.apply({ peers: [{ publicKey: b.publicKey, allowedIps: prefix(b), endpoint }] })
}

/** Of all lengths, so that some are shared and some not. */
function packet(from: Host, to: Host, i: number): Uint8Array {
  const payload = new Uint8Array((i * 97) % 1380).map((_, k) => i + 7 * k)
  return innerPacket({ source: addressOf(from.number), destination: addressOf(to.number), payload })
}

const binds: NamedBind[] = linuxBindWorksHere() ? ['dgram', 'linux'] : ['dgram']
describe.each(binds)('sealing workers, with %s sockets', (bind) => {
  test('every packet reaches its peer as it was and in order', async () => {
    const one = await open(1, { bind, sealingWorkers: 2 })
    const others = [await open(2, { bind }), await open(3, { bind })] as const
    for (const other of others) await connect(one, other)
    for (const other of others) one.port.put(packet(one, other, 0))
    for (const { port } of others) await port.hasSent(1, AbortSignal.timeout(PATIENCE_MS))
    expect(started).toEqual([])

    const sent = others.map((other) => [packet(one, other, 0)])
    // In portions, since nothing but the socket buffers holds what is under way.
    for (let portion = 0; portion < 60; portion++) {
      const packets = Array.from({ length: 100 }, (_, k) => {
        const i = 100 * portion + k
        const to = i % 7 < 4 ? 0 : 1
        const made = packet(one, others[to], i)
        sent[to]!.push(made)
        return made
      })
      one.port.put(...packets)
      for (const [i, { port }] of others.entries())
        await port.hasSent(sent[i]!.length, AbortSignal.timeout(PATIENCE_MS))
    }
    for (const [i, { port }] of others.entries()) {
      expect(port.sent).toHaveLength(sent[i]!.length)
      for (const [k, expected] of sent[i]!.entries())
        expect(Buffer.compare(port.sent[k]!.subarray(0, expected.length), expected), `packet ${k}`).toBe(0)
    }
    expect(started).toHaveLength(2)
  })

  test('both ends may have them', async () => {
    const [one, two] = [await open(1, { bind, sealingWorkers: 1 }), await open(2, { bind, sealingWorkers: 1 })]
    await connect(one, two)
    for (const [from, to] of [
      [one, two],
      [two, one],
    ] as const) {
      const packets = Array.from({ length: 100 }, (_, i) => packet(from, to, i))
      from.port.put(...packets)
      await to.port.hasSent(packets.length, AbortSignal.timeout(PATIENCE_MS))
      expect(to.port.sent.map((received, i) => Buffer.from(received.subarray(0, packets[i]!.length)))).toEqual(
        packets.map((sent) => Buffer.from(sent)),
      )
    }
  })
})

describe('sealing workers', () => {
  test('end with the tunnel, which may be closed while they work', async () => {
    const [one, two] = [await open(1, { sealingWorkers: 2 }), await open(2, {})]
    await connect(one, two)
    one.port.put(packet(one, two, 1))
    await two.port.hasSent(1, AbortSignal.timeout(PATIENCE_MS))
    const ended: Promise<unknown>[] = []
    const watch = (worker: { once(event: 'exit', listener: () => void): unknown }): void =>
      void ended.push(new Promise<void>((resolve) => worker.once('exit', resolve)))
    process.on('worker', watch)
    one.port.put(...Array.from({ length: 640 }, (_, i) => packet(one, two, i)))
    await expect.poll(() => ended.length, { timeout: PATIENCE_MS }).toBe(2)
    process.off('worker', watch)
    await one.tunnel.close()
    await Promise.all(ended)
  })

  test('there are none without many packets, nor when none are asked for', async () => {
    const [one, two] = [await open(1, { sealingWorkers: 0 }), await open(2, { sealingWorkers: 2 })]
    await connect(one, two)
    one.port.put(...Array.from({ length: 100 }, (_, i) => packet(one, two, i)))
    await two.port.hasSent(100, AbortSignal.timeout(PATIENCE_MS))
    for (let i = 0; i < 31; i++) two.port.put(packet(two, one, i))
    await one.port.hasSent(31, AbortSignal.timeout(PATIENCE_MS))
    expect(started).toEqual([])
  })

  test('are counted when the backend is made', () => {
    for (const sealingWorkers of [-1, 1.5, 9])
      expect(() => userspaceBackend(new MemoryAdapter(), { sealingWorkers })).toThrow(RangeError)
  })
})
