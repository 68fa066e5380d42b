import { nodeTransportEngine } from '@wireweave/crypto/node'
import type { TransportEngineFactory } from '@wireweave/crypto/suite'
import { describe, expect, test } from 'vitest'
import { planSchedule } from '../src/schedule.js'
import { describeFailure, runSchedule, shrinkSchedule } from '../src/schedule-run.js'

const TROUBLE_MS = 20 * 60_000

describe.each([
  { hosts: 2, seeds: [101, 102, 103, 104, 105, 106, 107, 108] },
  { hosts: 3, seeds: [201, 202, 203, 204] },
  { hosts: 10, seeds: [301] },
])('with $hosts hosts every rule holds', ({ hosts, seeds }) => {
  test.each(seeds)(
    'under the schedule of seed %d',
    (seed) => {
      const outcome = runSchedule({ seed, hosts, troubleMs: TROUBLE_MS })
      expect(outcome.failure).toBeNull()
      expect(outcome.packetsDelivered).toBeGreaterThan(50)
      expect(outcome.handshakes).toBeGreaterThan(3)
    },
    120_000,
  )
})

test('the same seed is the same schedule with the same trace', () => {
  const options = { seed: 5, hosts: 3, troubleMs: 5 * 60_000 }
  expect(planSchedule(options)).toEqual(planSchedule(options))
  expect(runSchedule(options)).toEqual(runSchedule(options))
  expect(runSchedule({ ...options, seed: 6 }).digest).not.toBe(runSchedule(options).digest)
}, 300_000)

describe('a device with a defect is found out', () => {
  test('whose cipher does not look at tags', () => {
    const failure = hunt({
      name: 'gullible',
      create: (memory) => {
        const engine = nodeTransportEngine.create(memory)
        return {
          ...boundTo(engine),
          open: (key, low, high, source, length, destination) => {
            // The keystream that encrypts also decrypts; what is checked is nothing.
            engine.seal(key, low, high, source, length - 16, destination)
            return true
          },
        }
      },
    })
    expect(failure).toMatch(/delivered twice|nobody sent|changed|instead of/)
  }, 300_000)

  test('whose cipher loses a byte', () => {
    const failure = hunt({
      name: 'forgetful',
      create: (memory) => {
        const engine = nodeTransportEngine.create(memory)
        return {
          ...boundTo(engine),
          seal: (key, low, high, source, length, destination) => {
            if (length > 100) engine.bytes[source + 99]! ^= 1
            engine.seal(key, low, high, source, length, destination)
          },
        }
      },
    })
    expect(failure).toMatch(/byte 99 changed/)
  }, 300_000)
})

test('a failing schedule is cut down to what it takes', () => {
  const broken: TransportEngineFactory = {
    name: 'breaks long packets',
    create: (memory) => {
      const engine = nodeTransportEngine.create(memory)
      return {
        ...boundTo(engine),
        seal: (key, low, high, source, length, destination) => {
          if (length > 1000) engine.bytes[source + 999]! ^= 1
          engine.seal(key, low, high, source, length, destination)
        },
      }
    },
  }
  const options = { seed: 1, hosts: 2, troubleMs: 10 * 60_000, engine: broken }
  const outcome = runSchedule(options)
  expect(outcome.failure).toMatch(/changed/)
  const actions = shrinkSchedule(options, outcome.failure!, { runs: 200, isOver: () => false })
  expect(actions.length).toBeLessThanOrEqual(2)
  expect(describeFailure(runSchedule(options, actions), actions)).toMatch(/burst from/)
}, 300_000)

function boundTo(engine: ReturnType<TransportEngineFactory['create']>): ReturnType<TransportEngineFactory['create']> {
  return {
    name: engine.name,
    bytes: engine.bytes,
    seal: engine.seal.bind(engine),
    open: engine.open.bind(engine),
    forgetKey: engine.forgetKey.bind(engine),
  }
}

/** The first failure of a few seeds. */
function hunt(engine: TransportEngineFactory): string {
  for (let seed = 1; seed <= 20; seed++) {
    const { failure } = runSchedule({ seed, hosts: 2, troubleMs: TROUBLE_MS, engine })
    if (failure !== null) return failure
  }
  return 'nothing was found'
}
