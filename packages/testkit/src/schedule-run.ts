/** Runs a random schedule, then asks for recovery, silence and awakening; on failure finds a short schedule that fails too. */
import { formatKey } from '@wireweave/tunnel/keys'
import { HANDSHAKE_INITIATION } from './eavesdropper.js'
import { InvariantBroken } from './invariants.js'
import { LABEL_BYTES } from './ledger.js'
import { describeAction, planSchedule } from './schedule.js'
import type { Action, ScheduleOptions } from './schedule.js'
import type { SimulatedHost } from './simulated-host.js'
import { World } from './world.js'

export interface Outcome {
  readonly seed: number
  /** `null` when every rule held. */
  readonly failure: string | null
  /** Of everything on the wire. */
  readonly digest: string
  readonly datagrams: number
  readonly packetsSent: number
  readonly packetsDelivered: number
  readonly handshakes: number
  readonly virtualMs: number
  /** The newest datagrams, when it failed. */
  readonly trace: readonly string[]
}

/**
 * How long after the network healed every packet must get through: a host finds out within 15.3 s that its keypair is
 * dead to the other side (§6.5), waits 5 s for its turn if it has just tried (§6.1), and both may try at the same moment
 * and spoil it for each other, which the jitter of the timers ends after a few rounds of 5.3 s.
 */
const RECOVERY_MS = 15_334 + 5_334 * 4
const PROBES_AFTER_RECOVERY = 10
const PROBE_EVERY_MS = 1_000
/** The last handshake gives up after 95 s, and keys are zeroed 540 s later (§6.3, §6.4). */
const SILENCE_MS = 700_000
/** In peace a message takes 5 ms: the response is sent, and the data that confirms it has not arrived. */
const AFTER_RESPONSE_MS = 7

export function runSchedule(options: ScheduleOptions, actions: readonly Action[] = planSchedule(options)): Outcome {
  const world = new World(options)
  let failure: string | null = null
  try {
    for (const action of actions) world.simulation.clock.schedule(action.at, () => world.perform(action))
    world.simulation.advance(options.troubleMs)
    world.heal()
    expectRecovery(world)
    expectSilence(world)
    expectAwakening(world)
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error)
    if (!(error instanceof InvariantBroken) && error instanceof Error) failure += `\n${error.stack}`
  }
  const { eve } = world.simulation
  return {
    seed: options.seed,
    failure,
    digest: eve.digest(),
    datagrams: eve.count(),
    packetsSent: world.ledger.sent,
    packetsDelivered: world.ledger.delivered,
    handshakes: world.hosts.reduce((sum, host) => sum + host.device.stats.handshakeResponsesSent, 0),
    virtualMs: world.now,
    trace: failure === null ? [] : world.trace(40),
  }
}

/** Every packet sent later than {@link RECOVERY_MS} after the trouble arrives, in order. */
function expectRecovery(world: World): void {
  const { simulation } = world
  const start = world.now
  const arrivals = new Map<string, number[]>()
  const expected = new Map<string, number[]>()
  while (world.now - start < RECOVERY_MS + PROBES_AFTER_RECOVERY * PROBE_EVERY_MS) {
    for (const [from, to] of pairsOf(world)) {
      const packet = probe(world, from, to)
      from.send(packet)
      if (world.now - start >= RECOVERY_MS) note(expected, `${from.name} to ${to.name}`, world.ledger.numberOf(packet))
    }
    for (const host of world.hosts) host.received.length = 0
    simulation.advance(PROBE_EVERY_MS)
    for (const host of world.hosts) {
      for (const packet of host.received) {
        const from = world.hosts.find((other) => isFrom(packet, other))
        if (from !== undefined) note(arrivals, `${from.name} to ${host.name}`, world.ledger.numberOf(packet))
      }
    }
  }
  for (const [pair, numbers] of expected) {
    const got = arrivals.get(pair) ?? []
    const missing = numbers.filter((number) => !got.includes(number))
    if (missing.length > 0)
      throw new InvariantBroken(`${pair}: ${missing.length} packets lost after ${RECOVERY_MS} ms of peace`)
    const late = got.filter((number) => number >= numbers[0]!)
    if (late.some((number, i) => i > 0 && number < late[i - 1]!))
      throw new InvariantBroken(`${pair}: packets out of order in peace`)
  }
}

/** Who has nothing to say says nothing, and in the end forgets its keys and has no timer left. */
function expectSilence(world: World): void {
  world.stopKeepalives()
  world.simulation.advance(SILENCE_MS)
  const before = world.simulation.eve.count()
  world.simulation.advance(60_000)
  if (world.simulation.eve.count() !== before) throw new InvariantBroken('somebody still sends after a long silence')
  for (const host of world.hosts) {
    const deadline = host.device.nextDeadline()
    if (deadline !== null) {
      const peer = deadline.peer === null ? '' : ` for ${formatKey(deadline.peer)}`
      throw new InvariantBroken(`${host.name} has a timer left after a long silence: ${deadline.reason}${peer}`)
    }
    if (Object.values(host.device.load).some((held) => held !== 0)) {
      throw new InvariantBroken(`${host.name} still holds ${JSON.stringify(host.device.load)} after a long silence`)
    }
  }
}

/** The first packet after a silence takes one handshake, no more, and an answer that comes before it is over waits for it. */
function expectAwakening(world: World): void {
  const { simulation } = world
  for (const [from, to] of pairsOf(world)) {
    // A host that lost every session does not know where a roaming peer is until that peer speaks.
    if (!world.isAnchored(to)) continue
    const initiations = simulation.eve.count(HANDSHAKE_INITIATION)
    from.received.length = to.received.length = 0
    from.send(probe(world, from, to))
    simulation.advance(AFTER_RESPONSE_MS)
    to.send(probe(world, to, from))
    simulation.advance(1_000)
    const pair = `${from.name} to ${to.name}`
    if (to.received.length !== 1) throw new InvariantBroken(`${pair}: nothing came through after the silence`)
    if (from.received.length !== 1) throw new InvariantBroken(`${pair}: no answer came back after the silence`)
    const count = simulation.eve.count(HANDSHAKE_INITIATION) - initiations
    if (count > 1) throw new InvariantBroken(`${pair}: ${count} handshakes after the silence`)
  }
}

function pairsOf(world: World): [SimulatedHost, SimulatedHost][] {
  return world.hosts.flatMap((from) => world.peersOf(from).map((to): [SimulatedHost, SimulatedHost] => [from, to]))
}

function probe(world: World, from: SimulatedHost, to: SimulatedHost): Uint8Array {
  const entry = { source: from.tunnelIp4, destination: to.tunnelIp4, payloadBytes: LABEL_BYTES, trafficClass: 0 }
  return world.ledger.mint({ ...entry, origin: from.name, receiver: to.name })
}

function isFrom(packet: Uint8Array, host: SimulatedHost): boolean {
  return packet[0]! >>> 4 === 4 && host.tunnelIp4.every((byte, i) => packet[12 + i] === byte)
}

function note(lists: Map<string, number[]>, name: string, number: number): void {
  lists.set(name, [...(lists.get(name) ?? []), number])
}

export interface ShrinkLimits {
  /** Runs that may be spent. */
  readonly runs: number
  /** Asked before every run. */
  readonly isOver: () => boolean
}

/** Leaves out actions as long as the schedule still fails in the same way. */
export function shrinkSchedule(options: ScheduleOptions, failure: string, limits: ShrinkLimits): Action[] {
  let actions = planSchedule(options)
  let runs = 0
  for (let size = Math.ceil(actions.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < actions.length;) {
      if (runs++ >= limits.runs || limits.isOver()) return actions
      const shorter = [...actions.slice(0, start), ...actions.slice(start + size)]
      const outcome = runSchedule(options, shorter)
      if (outcome.failure !== null && kindOf(outcome.failure) === kindOf(failure)) actions = shorter
      else start += size
    }
  }
  return actions
}

/** What went wrong, without who, when and how often. */
function kindOf(failure: string): string {
  return failure.split('\n')[0]!.replaceAll(/host\d+|\d+(\.\d+)?/g, '#')
}

/** Everything one needs to understand a failure. */
export function describeFailure(outcome: Outcome, actions: readonly Action[]): string {
  const lines = [
    `seed ${outcome.seed}: ${outcome.failure}`,
    '',
    `a schedule of ${actions.length} actions that does it:`,
  ]
  lines.push(...actions.map(describeAction), '', 'the newest datagrams of the whole run:', ...outcome.trace)
  return lines.join('\n')
}
