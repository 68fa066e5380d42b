import { EAGAIN, EBADFD, EINVAL, EIO } from '@wireweave/ffi/errno'
import { describe, expect, it } from 'vitest'
import type { System } from '../src/abi.js'
import { Coalescer, TCP4, UDP4 } from '../src/coalesce.js'
import { Gatherer } from '../src/gather.js'
import { layOut, regionBytes } from '../src/layout.js'
import { loadRoutines } from '../src/routines-wasm.js'
import { newStats } from '../src/stats.js'
import { Writer } from '../src/writer.js'
import { arenaOf, batchOf, packetOf, payloadOf } from './packets.js'

const REGION = { offset: 0, length: regionBytes(1420) }
const SINGLE = 2

/** A writer over a kernel that answers each writev of so many iovecs with an errno, or 0. */
function rig(answer: (iovecs: number, nth: number) => number) {
  const arena = arenaOf(2 << 20)
  const layout = layOut(REGION)
  const routines = loadRoutines(arena)
  const calls: number[] = []
  let last = 0
  const system = {
    writev(_fd: number, _at: number, iovecs: number) {
      last = answer(iovecs, calls.length)
      calls.push(iovecs)
      return last === 0 ? 1 : -1
    },
    errno: () => last,
  } as Partial<System> as System
  const stats = newStats()
  const refusedKinds: number[] = []
  const coalescer = new Coalescer(routines, arena.bytes, TCP4 | UDP4)
  const gatherer = new Gatherer(routines, arena.bytes, 4096, layout, true)
  const writer = new Writer(system, 3, coalescer, gatherer, stats, (kind) => refusedKinds.push(kind))
  const batch = batchOf(arena, REGION.length + 64, [...stream('tcp', 4), ...stream('udp', 3)])
  return { writer, batch, calls, stats, refusedKinds, coalescer }
}

describe('a writer', () => {
  it('writes each group in one call', () => {
    const { writer, batch, calls, stats } = rig(() => 0)
    expect(writer.write(batch, 0)).toBe(true)
    expect(calls).toEqual([5, 4])
    expect(stats).toMatchObject({ writes: 2, packetsSent: 7, refused: 0 })
  })

  it('begins where it is told', () => {
    const { writer, batch, calls } = rig(() => 0)
    writer.write(batch, 3)
    expect(calls).toEqual([SINGLE, 4])
    calls.length = 0
    writer.write(batch, 7)
    expect(calls).toEqual([])
  })

  it('joins a kind no more when the kernel refuses the whole but takes its parts', () => {
    const { writer, batch, calls, stats, refusedKinds } = rig((iovecs) => (iovecs === 5 ? EINVAL : 0))
    expect(writer.write(batch, 0)).toBe(true)
    expect(calls).toEqual([5, SINGLE, SINGLE, SINGLE, SINGLE, 4])
    expect(refusedKinds).toEqual([TCP4])
    expect(stats).toMatchObject({ packetsSent: 7, refused: 0 })
    calls.length = 0
    writer.write(batch, 0)
    expect(calls).toEqual([SINGLE, SINGLE, SINGLE, SINGLE, 4])
    expect(refusedKinds).toEqual([TCP4])
  })

  it('goes on joining when the parts are refused, too: then it is the packets', () => {
    const { writer, batch, calls, stats, refusedKinds } = rig((iovecs, nth) => (iovecs === 5 || nth === 2 ? EINVAL : 0))
    writer.write(batch, 0)
    expect(refusedKinds).toEqual([])
    expect(stats).toMatchObject({ packetsSent: 6, refused: 1 })
    calls.length = 0
    writer.write(batch, 0)
    expect(calls[0]).toBe(5)
  })

  it.each([EIO, EAGAIN, 105])('counts what is refused with errno %d, and goes on', (errno) => {
    const { writer, batch, calls, stats } = rig((iovecs) => (iovecs === 5 ? errno : 0))
    expect(writer.write(batch, 0)).toBe(true)
    expect(calls).toEqual([5, 4])
    expect(stats).toMatchObject({ packetsSent: 3, refused: 4 })
  })

  it('stops when the interface is gone', () => {
    const { writer, batch, calls } = rig(() => EBADFD)
    expect(writer.write(batch, 0)).toBe(false)
    expect(calls).toEqual([5])
  })
})

function stream(protocol: 'tcp' | 'udp', count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) =>
    packetOf({ version: 4, protocol, payload: payloadOf(100, i), sequence: 1 + i * 100 }),
  )
}
