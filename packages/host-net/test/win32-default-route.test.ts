import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DefaultRouteMonitor, findDefaultRoute } from '../src/win32/default-route.js'
import type { DefaultRoute, RouteSource } from '../src/win32/default-route.js'
import type { LinkRow, RouteRow } from '../src/win32/rows.js'

interface Card extends Partial<LinkRow> {
  readonly metric: number
}

function machine(cards: Record<number, Card>, routes: Partial<RouteRow>[]): RouteSource {
  return {
    routes: (family) =>
      routes
        .map((route): RouteRow => ({
          ...{ luid: 1n, index: 1, nextHop: Uint8Array.of(192, 0, 2, 1), metric: 0 },
          ...{ prefix: { address: new Uint8Array(4), length: 0 }, ...route },
        }))
        .filter(({ prefix }) => prefix.address.length === (family === 4 ? 4 : 16)),
    link: (luid) => {
      const card = cards[Number(luid)]
      return card === undefined
        ? null
        : { luid, index: Number(luid), guid: new Uint8Array(16), mtu: 1500, isUp: true, ...card }
    },
    ipInterface: (luid) =>
      cards[Number(luid)] === undefined ? null : { mtu: 1500, metric: cards[Number(luid)]!.metric },
  }
}

const indexOf = (source: RouteSource, own = 99n): number | null => findDefaultRoute(source, 4, own)?.index ?? null
const narrow = { address: new Uint8Array(4), length: 1 }

test('the sum of both metrics decides, without overflow', () => {
  const cards = { 1: { metric: 50 }, 2: { metric: 5 } }
  expect(
    indexOf(
      machine(cards, [
        { luid: 1n, metric: 0 },
        { luid: 2n, metric: 44 },
      ]),
    ),
  ).toBe(2)
  expect(
    indexOf(
      machine(cards, [
        { luid: 1n, metric: 0 },
        { luid: 2n, metric: 46 },
      ]),
    ),
  ).toBe(1)
  expect(
    indexOf(
      machine(cards, [
        { luid: 1n, metric: 0xffff_ffff },
        { luid: 2n, metric: 0xffff_fffe },
      ]),
    ),
  ).toBe(2)
})

test('what is no default route, is down, is not there, or is the tunnel itself does not count', () => {
  const cards = { 1: { metric: 1, isUp: false }, 2: { metric: 1 }, 4: { metric: 9 } }
  const routes = [{ luid: 1n }, { luid: 2n, prefix: narrow }, { luid: 3n }, { luid: 4n }]
  expect(indexOf(machine(cards, routes))).toBe(4)
  expect(indexOf(machine(cards, routes), 4n)).toBeNull()
})

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a monitor tells of both families at once, then of changes only: way, gateway, MTU, none', () => {
  const told: [number, number | null, number | undefined][] = []
  const cards: Record<number, Card> = { 1: { metric: 1 }, 2: { metric: 2, mtu: 1400 } }
  const routes: Partial<RouteRow>[] = [{ luid: 1n }]
  const onChange = (family: 4 | 6, route: DefaultRoute | null): boolean =>
    told.push([family, route?.index ?? null, route?.mtu]) > 0
  const monitor = new DefaultRouteMonitor(machine(cards, routes), 99n, onChange)
  const after = (change: () => void): unknown => {
    told.length = 0
    change()
    vi.advanceTimersByTime(1000)
    return [...told]
  }
  expect(told).toEqual([
    [4, 1, 1500],
    [6, null, undefined],
  ])
  expect(after(() => {})).toEqual([])
  expect(after(() => routes.splice(0, 1, { luid: 2n }))).toEqual([[4, 2, 1400]])
  expect(after(() => (cards[2] = { metric: 2, mtu: 1280 }))).toEqual([[4, 2, 1280]])
  expect(after(() => (routes[0] = { luid: 2n, nextHop: Uint8Array.of(192, 0, 2, 7) }))).toEqual([[4, 2, 1280]])
  expect(after(() => (cards[2] = { metric: 2, mtu: 1280, index: 12 }))).toEqual([[4, 12, 1280]])
  expect(after(() => routes.splice(0))).toEqual([[4, null, undefined]])
  monitor.close()
  expect(after(() => routes.push({ luid: 1n }))).toEqual([])
})
