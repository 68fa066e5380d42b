import type { Availability, TunnelBackend } from '@wireweave/tunnel/backend'
import { expect, test } from 'vitest'
import { styleOf } from '../../src/internal/terminal.js'
import { describeAdapters, readAdapters } from '../../src/internal/tunnels/adapters-command.js'
import { noteSelection } from '../../src/internal/tunnels/up-notes.js'

const style = styleOf(1, { WG_COLOR_MODE: 'never' })

function backend(name: string, probe: () => Promise<Availability>, more: Partial<TunnelBackend> = {}): TunnelBackend {
  return {
    name,
    dataPlane: 'userspace',
    reach: 'host',
    probe,
    open: () => Promise.reject(new Error('not here')),
    ...more,
  }
}
const missing: Availability = { available: false, reason: 'the module is missing', remedy: 'Load it.' }
const all = [
  backend('kernel-one', () => Promise.resolve(missing), { dataPlane: 'kernel' }),
  backend('tun', () => Promise.resolve({ available: true, version: '6.1' })),
  backend('other', () => Promise.resolve({ available: true, version: '2' })),
  backend('inside', () => Promise.resolve({ available: true, version: '3' }), { reach: 'process' }),
  backend('broken', () => Promise.reject(new Error('no libc'))),
]

test('the first that works and is for all programs is the default; a probe that throws is one that does not work', async () => {
  const rows = await readAdapters(all)
  expect(rows.filter(({ isDefault }) => isDefault).map(({ name }) => name)).toEqual(['tun'])
  expect(rows[0]).toMatchObject({
    available: false,
    version: null,
    reason: 'the module is missing',
    remedy: 'Load it.',
  })
  expect(rows[4]).toMatchObject({ available: false, reason: 'its probe failed: no libc' })
})

test('as a table: a line each, and below it what is missing', async () => {
  expect(describeAdapters(await readAdapters(all.slice(0, 4)), 80, style)).toBe(`\
ADAPTER     WORKS HERE    DATA PLANE  FOR           VERSION
kernel-one  no            kernel      all programs  -
    the module is missing. Load it.
tun         yes, default  user space  all programs  6.1
other       yes           user space  all programs  2
inside      yes           user space  this program  3
`)
})

test('up tells what it passed over and why, and what it took', () => {
  const skipped = [{ name: 'kernel-one', reason: 'the module is missing', remedy: 'Load it.' }]
  expect(noteSelection({ backend: all[1]!, why: 'auto: first available', skipped })).toEqual([
    '[!] kernel-one passed over: the module is missing. Load it.',
    '[#] adapter tun (auto: first available)',
  ])
})
