import { expect, test } from 'vitest'
import { runProgram } from '../../../ffi/test/windows/child.js'

/** Ten million: `node interop/windows/run.mjs packages/adapter-wintun/test/windows/stress-program.ts 10000000`. */
const PACKETS = 250_000

test(
  'a quarter of a million packets through the rings and back: none lost, out of order or kept',
  { timeout: 300_000 },
  async () => {
    const { code, output } = await runProgram(import.meta.url, './stress-program.js', [String(PACKETS)], 250_000)
    expect(output).toMatch(/^\{/)
    const { seconds, grownMiB, ...found } = JSON.parse(output) as Record<string, number>
    expect(found).toEqual({
      ...{ received: PACKETS, outOfOrder: 0, sent: PACKETS, sentOutOfOrder: 0, ringFull: 0, malformed: 0, opened: 19 },
      ...{ violations: [], live: 0, leaks: 0 },
    })
    expect(grownMiB).toBeLessThan(64)
    expect(seconds).toBeGreaterThan(0)
    expect(code).toBe(0)
  },
)

/** Ten million: `node interop/windows/run.mjs --seconds 3000 packages/adapter-wintun/test/windows/soak-program.ts 10000000`. */
const SOAK_PACKETS = 50_000

test(
  'an hour of virtual time on a tunnel: nothing is lost or gets stuck, and no packet, handle or memory is kept',
  { timeout: 300_000 },
  async () => {
    const { code, output } = await runProgram(import.meta.url, './soak-program.js', [String(SOAK_PACKETS)], 250_000)
    expect(output).toMatch(/^minute 60: /m)
    const { dropped, received, handshakes, seconds, heapKiB, residentMiB, ...found } = JSON.parse(
      output.trim().split('\n').at(-1)!,
    ) as Record<string, number>
    expect(found).toEqual({
      ...{ sent: SOAK_PACKETS, outOfOrder: 0, opened: 6, handles: 0, hotHandles: 0 },
      ...{ violations: [], live: 0, leaks: 0 },
    })
    // The ring was full six times, and nothing else was dropped.
    expect(dropped).toBeGreaterThanOrEqual(6)
    expect(received).toBeGreaterThanOrEqual(SOAK_PACKETS + dropped!)
    // Renewed by use after two minutes, and made anew after pauses.
    expect(handshakes).toBeGreaterThan(15)
    expect([heapKiB! < 4096, residentMiB! < 64, seconds! > 0]).toEqual([true, true, true])
    expect(code).toBe(0)
  },
)
