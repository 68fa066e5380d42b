/** Two adapters whose ports are wired to each other in this process, without WireGuard. */
import { createBatch, type PacketPort } from '@wireweave/tunnel/packets'
import { type NetstackAdapter, netstackAdapter } from '../src/adapter.js'
import { type Network, openNetwork } from '../src/node/network.js'

export interface Cable extends AsyncDisposable {
  readonly alice: Network
  readonly bob: Network
  readonly adapters: readonly [NetstackAdapter, NetstackAdapter]
  readonly ports: readonly [PacketPort, PacketPort]
}

const REGION = 64 * 2048

/** Carries packets one way until `signal` fires or a port dies. */
export async function pump(from: PacketPort, to: PacketPort, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  const batch = createBatch({ bytes, memory: null }, from.batchSize)
  try {
    while (!signal.aborted) {
      if (from.receive(batch) === 0) await from.readable(signal)
      else to.send(batch, 0)
      if (batch.count === from.batchSize) await new Promise((resolve) => setImmediate(resolve))
    }
  } catch {
    // Closed or aborted.
  }
}

export async function plugIn(dns: readonly string[] = [], search: readonly string[] = []): Promise<Cable> {
  const memory = new Uint8Array(4 * REGION)
  const adapters = [
    netstackAdapter({ addresses: ['10.0.0.1/24', 'fd00::1/64'] }),
    netstackAdapter({ addresses: ['10.0.0.2/24', 'fd00::2/64'] }),
  ] as const
  const arena = { bytes: memory, memory: null }
  const ports = [
    await adapters[0].openPackets({ name: 'alice', arena, region: { offset: 0, length: REGION } }),
    await adapters[1].openPackets({ name: 'bob', arena, region: { offset: REGION, length: REGION } }),
  ] as const
  const stop = new AbortController()
  void pump(ports[0], ports[1], memory, stop.signal)
  void pump(ports[1], ports[0], memory, stop.signal)
  const alice = openNetwork(adapters[0], { dns, search })
  const bob = openNetwork(adapters[1])
  return {
    ...{ alice, bob, adapters, ports },
    async [Symbol.asyncDispose]() {
      await Promise.all([alice.close(), bob.close()])
      stop.abort()
      await Promise.all([ports[0].close(), ports[1].close()])
    },
  }
}
