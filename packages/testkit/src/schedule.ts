/** Random schedules: what users, operators, networks and attackers may do to a few devices, as data. */
import { Random } from './random.js'
import type { WorldOptions } from './world.js'
import { PERFECT } from './network.js'
import type { Conditions } from './network.js'

/** Hosts are numbers, from 0. `seed` is what an action draws from, so that it does the same in a shorter schedule. */
export type Action = { readonly at: number; readonly seed: number } & (
  | {
      readonly tag: 'burst'
      readonly from: number
      readonly to: number
      readonly count: number
      readonly spacingMs: number
      readonly family: 4 | 6
    }
  /** A packet with the source address of a third host. */
  | { readonly tag: 'spoof'; readonly from: number; readonly to: number; readonly as: number }
  | { readonly tag: 'unroutable'; readonly host: number }
  | { readonly tag: 'conditions'; readonly conditions: Conditions }
  | { readonly tag: 'partition'; readonly host: number; readonly ms: number }
  | { readonly tag: 'move'; readonly host: number; readonly notice: boolean }
  | { readonly tag: 'forgetNat' }
  | { readonly tag: 'restart'; readonly host: number; readonly ms: number }
  | { readonly tag: 'suspend'; readonly host: number; readonly ms: number }
  | { readonly tag: 'removePeer'; readonly host: number; readonly peer: number; readonly ms: number }
  | { readonly tag: 'changePsk'; readonly host: number; readonly peer: number }
  | { readonly tag: 'changeKey'; readonly host: number }
  /** The allowed IPs of `peer` go to `thief` for a while. */
  | { readonly tag: 'steal'; readonly host: number; readonly peer: number; readonly thief: number; readonly ms: number }
  | { readonly tag: 'keepalive'; readonly host: number; readonly peer: number; readonly seconds: number }
  | { readonly tag: 'clockForward'; readonly host: number; readonly ms: number }
  /** Sends captured datagrams again, as they were or a little changed, from anywhere. */
  | { readonly tag: 'replay'; readonly count: number; readonly mutate: boolean }
  | { readonly tag: 'garbage'; readonly to: number; readonly count: number }
  /** Handshake messages with a right mac1, from as many addresses: enough of them to put a host under load. */
  | { readonly tag: 'flood'; readonly to: number; readonly count: number }
  /** Runs the timers although none is due. */
  | { readonly tag: 'advanceEarly'; readonly host: number }
)

export interface ScheduleOptions extends WorldOptions {
  /** Virtual milliseconds of trouble. */
  readonly troubleMs: number
}

/** How often each kind of action comes up. */
const WEIGHTS: Record<Action['tag'], number> = {
  burst: 40,
  spoof: 3,
  unroutable: 2,
  conditions: 6,
  partition: 3,
  move: 4,
  forgetNat: 2,
  restart: 2,
  suspend: 2,
  removePeer: 2,
  changePsk: 2,
  changeKey: 1,
  steal: 2,
  keepalive: 3,
  clockForward: 1,
  replay: 6,
  garbage: 4,
  flood: 2,
  advanceEarly: 3,
}

export function planSchedule(options: ScheduleOptions): Action[] {
  const random = new Random(options.seed)
  const tags = Object.entries(WEIGHTS).flatMap(([tag, weight]) =>
    Array<Action['tag']>(weight).fill(tag as Action['tag']),
  )
  const actions: Action[] = []
  for (let at = 0; at < options.troubleMs;) {
    actions.push(drawAction(random, random.pick(tags), at, options.hosts))
    at += drawPause(random, options.hosts)
  }
  return actions
}

/** Mostly little happens between two actions; now and then timers of every length run out. */
function drawPause(random: Random, hosts: number): number {
  const longest = random.pick([20, 100, 500, 1000, 1000, 3000, 6000, 6000, 12_000, 20_000, 130_000, 200_000])
  return Math.ceil(random.below(longest) / (hosts / 2))
}

function drawAction(random: Random, tag: Action['tag'], at: number, hosts: number): Action {
  const base = { at, seed: random.u32() }
  const host = random.below(hosts)
  const peer = (host + random.between(1, hosts - 1)) % hosts
  const third = (host + random.between(1, hosts - 1)) % hosts
  const ms = random.pick([10, 1000, 6000, 20_000, 95_000, 200_000])
  switch (tag) {
    case 'burst': {
      const count = random.pick([1, 1, 2, 10, 40, 150])
      return {
        ...base,
        tag,
        from: host,
        to: peer,
        count,
        spacingMs: random.pick([0, 0, 1, 50]),
        family: random.pick([4, 6]),
      }
    }
    case 'spoof':
      return { ...base, tag, from: host, to: peer, as: third }
    case 'conditions':
      return { ...base, tag, conditions: drawConditions(random) }
    case 'partition':
    case 'restart':
    case 'suspend':
    case 'clockForward':
      return { ...base, tag, host, ms: random.below(ms) }
    case 'move':
      return { ...base, tag, host, notice: random.chance(0.7) }
    case 'removePeer':
      return { ...base, tag, host, peer, ms }
    case 'changePsk':
      return { ...base, tag, host, peer }
    case 'steal':
      return { ...base, tag, host, peer, thief: third, ms }
    case 'keepalive':
      return { ...base, tag, host, peer, seconds: random.pick([0, 0, 1, 25, 300]) }
    case 'replay':
      return { ...base, tag, count: random.pick([1, 5, 50]), mutate: random.chance(0.5) }
    case 'garbage':
      return { ...base, tag, to: host, count: random.pick([1, 5, 50]) }
    case 'flood':
      return { ...base, tag, to: host, count: random.pick([1, 10, 600]) }
    case 'forgetNat':
      return { ...base, tag }
    case 'unroutable':
    case 'changeKey':
    case 'advanceEarly':
      return { ...base, tag, host }
  }
}

function drawConditions(random: Random): Conditions {
  return {
    ...PERFECT,
    loss: random.pick([0, 0, 0.02, 0.2, 0.6]),
    duplicate: random.pick([0, 0, 0.1, 0.5]),
    corrupt: random.pick([0, 0, 0.1]),
    reorder: random.pick([0, 0, 0.3]),
    reorderMs: random.pick([20, 300, 4000]),
    mark: random.pick([0, 0, 0.1]),
    delayMs: random.pick([1, 10, 100, 400]),
    jitterMs: random.pick([0, 5, 50]),
  }
}

/** One line of a schedule. */
export function describeAction(action: Action): string {
  const { at, tag } = action
  const rest = Object.entries(action).filter(([name]) => !['at', 'seed', 'tag'].includes(name))
  const details = rest.map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
  return `${(at / 1000).toFixed(3).padStart(10)} s  ${tag} ${details.join(', ')}`
}
