import { formatIp } from '@wireweave/tunnel/ip'
import type { IpAddress } from '@wireweave/tunnel/ip'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { followDefaultRoute } from '../src/win32/follow.js'
import type { FollowOptions } from '../src/win32/follow.js'

const OWN = 9n
const ENDPOINT = Uint8Array.of(198, 51, 100, 1)

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** One default route, which the test moves; what is done is told. */
class Fake {
  luid = 1n
  mtu = 1500
  hasRoute = true
  /** What adding a route is answered. */
  code = 0
  readonly told: string[] = []

  get machine(): FollowOptions['machine'] {
    const way = (luid: bigint, { address }: { address: IpAddress }, nextHop: IpAddress | null): string =>
      `${formatIp(address)} by ${luid} ${formatIp(nextHop!)}`
    return {
      routes: (family) => {
        const prefix = { address: new Uint8Array(4), length: 0 }
        const nextHop = Uint8Array.of(192, 0, 2, Number(this.luid))
        return this.hasRoute && family === 4 ? [{ luid: this.luid, index: 1, prefix, nextHop, metric: 0 }] : []
      },
      link: (luid) => ({ luid, index: Number(luid), guid: new Uint8Array(16), mtu: this.mtu, isUp: true }),
      ipInterface: () => ({ mtu: this.mtu, metric: 1 }),
      setMtu: (luid, family, mtu) => this.told.push(`MTU of ${luid} IPv${family}: ${mtu}`) && 0,
      addRoute: (luid, prefix, nextHop) => this.told.push(`add ${way(luid, prefix, nextHop)}`) && this.code,
      deleteRoute: (luid, prefix, nextHop) => this.told.push(`delete ${way(luid, prefix, nextHop)}`) && 0,
    }
  }

  after(change: () => void): string[] {
    this.told.length = 0
    change()
    vi.advanceTimersByTime(1000)
    return [...this.told]
  }
}

const bypasses = [{ endpoint: ENDPOINT, luid: 1n, nextHop: Uint8Array.of(192, 0, 2, 1) }]

test('MTU and ways around the tunnel move with the default route, and what was moved is removed at the end', () => {
  const fake = new Fake()
  const stop = followDefaultRoute({ machine: fake.machine, luid: OWN, mtu: true, bypasses })
  expect(fake.told).toEqual([])
  expect(fake.after(() => (fake.mtu = 1280))).toEqual(['MTU of 9 IPv4: 1200'])
  expect(fake.after(() => (fake.luid = 2n))).toEqual([
    'MTU of 9 IPv4: 1200',
    'add 198.51.100.1 by 2 192.0.2.2',
    'delete 198.51.100.1 by 1 192.0.2.1',
  ])
  expect(fake.after(stop)).toEqual(['delete 198.51.100.1 by 2 192.0.2.2'])
})

test('an MTU from the configuration stays, and without a default route the ways stay as they were', () => {
  const fake = new Fake()
  const stop = followDefaultRoute({ machine: fake.machine, luid: OWN, mtu: false, bypasses })
  expect(fake.after(() => (fake.mtu = 1400))).toEqual([])
  expect(fake.after(() => (fake.hasRoute = false))).toEqual([])
  expect(fake.after(() => (fake.hasRoute = true))).toEqual([])
  expect(fake.after(stop)).toEqual([])
})

test('the way out is told at first and when it is another one, and stays when there is none', () => {
  const fake = new Fake()
  const told: string[] = []
  const onWayOut = (family: 4 | 6, index: number): void => void told.push(`IPv${family} by ${index}`)
  const stop = followDefaultRoute({ machine: fake.machine, luid: OWN, mtu: false, bypasses, onWayOut })
  expect(told.splice(0)).toEqual(['IPv4 by 1'])
  fake.after(() => (fake.luid = 2n))
  expect(told.splice(0)).toEqual(['IPv4 by 2'])
  fake.after(() => (fake.hasRoute = false))
  expect(told).toEqual([])
  fake.after(() => (fake.hasRoute = true))
  expect(told).toEqual(['IPv4 by 2'])
  stop()
})

test('a way that cannot be moved yet stays, its sockets too, and is tried again', () => {
  const fake = new Fake()
  const told: number[] = []
  const onWayOut = (_family: 4 | 6, index: number): void => void told.push(index)
  const stop = followDefaultRoute({ machine: fake.machine, luid: OWN, mtu: false, bypasses, onWayOut })
  fake.code = 1168
  expect(fake.after(() => (fake.luid = 2n))).toEqual(['add 198.51.100.1 by 2 192.0.2.2'])
  expect(told).toEqual([1])
  expect(fake.after(() => (fake.code = 0))).toEqual([
    'add 198.51.100.1 by 2 192.0.2.2',
    'delete 198.51.100.1 by 1 192.0.2.1',
  ])
  expect(told).toEqual([1, 2])
  expect(fake.after(() => undefined)).toEqual([])
  stop()
})

test('an endpoint that another route than the default one leads to keeps its way', () => {
  const fake = new Fake()
  const onLink = { endpoint: Uint8Array.of(10, 1, 1, 1), luid: 1n, nextHop: new Uint8Array(4) }
  const stop = followDefaultRoute({ machine: fake.machine, luid: OWN, mtu: false, bypasses: [onLink] })
  expect(fake.after(() => (fake.luid = 2n))).toEqual([])
  expect(fake.after(stop)).toEqual([])
})

test('no way out is told that an endpoint is not reached by', () => {
  const fake = new Fake()
  const told: number[] = []
  const elsewhere = [...bypasses, { endpoint: Uint8Array.of(10, 1, 1, 1), luid: 7n, nextHop: new Uint8Array(4) }]
  const onWayOut = (_family: 4 | 6, index: number): void => void told.push(index)
  const stop = followDefaultRoute({ machine: fake.machine, luid: OWN, mtu: false, bypasses: elsewhere, onWayOut })
  expect(told).toEqual([0])
  stop()
})
