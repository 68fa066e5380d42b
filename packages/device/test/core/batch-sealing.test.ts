import type { BatchSealer, TransportEngine } from '@wireweave/crypto/suite'
import type { TunnelEvent } from '@wireweave/tunnel/events'
import { expect, test } from 'vitest'
import { BATCH, packet4, Pair, withJitter } from './harness.js'

/** As lazy as a sealer of batches may be: nothing is sealed before `settle`, and then the last packet first. */
class LazyBatch implements BatchSealer {
  readonly bytes: Uint8Array
  readonly #engine: TransportEngine
  readonly #jobs: (() => void)[] = []
  given = 0

  constructor(engine: TransportEngine) {
    this.bytes = engine.bytes
    this.#engine = engine
  }

  seal(...[key, low, high, source, length, destination]: Parameters<BatchSealer['seal']>): void {
    const copy = key.slice()
    this.given++
    this.bytes.fill(0xee, destination, destination + length + 16)
    this.#jobs.push(() => this.#engine.seal(copy, low, high, source, length, destination))
  }

  settle(): void {
    for (const job of this.#jobs.splice(0).toReversed()) job()
  }
}

function lazyPair(mtu = 1420, onEvent: (event: TunnelEvent) => void = () => {}): { pair: Pair; batch: LazyBatch } {
  let batch: LazyBatch
  const wrapEngine = (engine: TransportEngine): TransportEngine => {
    batch = new LazyBatch(engine)
    return {
      name: 'lazy',
      bytes: engine.bytes,
      batch,
      seal: (...packet) => engine.seal(...packet),
      open: (...packet) => engine.open(...packet),
      forgetKey() {
        batch.settle()
        engine.forgetKey()
      },
    }
  }
  const pair = new Pair({ ...withJitter(0), mtu, onEvent, wrapEngine }, withJitter(0))
  pair.connect()
  pair.pong()
  pair.exchange()
  pair.bob.delivered.length = 0
  return { pair, batch: batch! }
}

const packets = (count: number, length = 100): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => packet4('10.0.0.1', '10.0.0.2', length + i))

test('many packets are sealed as a batch, a few one by one', () => {
  const { pair, batch } = lazyPair()
  pair.alice.send(packets(31), 0)
  expect(batch.given).toBe(0)
  pair.alice.send(packets(32), 0)
  expect(batch.given).toBe(32)
  pair.exchange()
  expect(pair.bob.delivered).toEqual([...packets(31), ...packets(32)])
})

test('a batch is sealed, whole and in order, when the device returns', () => {
  const { pair } = lazyPair()
  pair.alice.send(packets(BATCH), 0)
  pair.exchange()
  expect(pair.bob.delivered).toEqual(packets(BATCH))
})

test('what the shell is asked to send in the middle of a batch is sealed', () => {
  const { pair } = lazyPair(6000)
  pair.alice.send(packets(32, 5900), 0)
  expect(pair.alice.flushes).toBeGreaterThan(0)
  pair.exchange()
  expect(pair.bob.delivered).toEqual(packets(32, 5900))
})

test('a batch that breaks off is sealed as far as it got', () => {
  let breaks = false
  const { pair } = lazyPair(1420, (event) => {
    if (breaks && event.tag === 'handshakeInitiationSent') throw new Error('on purpose')
  })
  breaks = true
  // The first packet asks for a new key.
  expect(() => pair.alice.send(packets(40), 130_000)).toThrow('on purpose')
  pair.now = 130_000
  pair.alice.drain()
  pair.exchange()
  expect(pair.bob.delivered).toEqual(packets(1))
})
