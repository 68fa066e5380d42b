import { expect, test } from 'vitest'
import { runProgram } from '../../../ffi/test/windows/child.js'

/** Ten million: `node interop/windows/run.mjs packages/adapter-wintun/test/windows/stress-program.ts 10000000`. */
const PACKETS = 500_000

test(
  'half a million packets through the rings and back: none lost, out of order or kept',
  { timeout: 60_000 },
  async () => {
    const { code, output } = await runProgram(import.meta.url, './stress-program.js', [String(PACKETS)], 50_000)
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
