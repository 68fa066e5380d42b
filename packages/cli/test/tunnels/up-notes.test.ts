import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type * as terminal from '../../src/internal/terminal.js'
import { noteRetry, warnIfReadable } from '../../src/internal/tunnels/up-notes.js'

const said = vi.hoisted(() => [] as string[])
vi.mock('../../src/internal/terminal.js', async (original) => ({
  ...(await original<typeof terminal>()),
  say: (line: string) => void said.push(line),
}))

beforeEach(() => {
  vi.stubEnv('WG_COLOR_MODE', 'never')
})
afterEach(() => {
  vi.unstubAllEnvs()
})

test('a file that everybody can read is warned of, one that cannot be looked at is not', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'wireweave-notes-'))
  try {
    const [open, closed] = ['open.conf', 'closed.conf'].map((name) => path.join(folder, name)) as [string, string]
    writeFileSync(open, '', { mode: 0o644 })
    writeFileSync(closed, '', { mode: 0o600 })
    // The last is what root meets instead of EACCES.
    for (const file of [open, closed, path.join(folder, 'x'.repeat(300))]) warnIfReadable(file)
    // Windows has no modes: its rights have a suite of their own.
    if (process.platform === 'win32') return
    expect(said).toEqual([`Warning: ${open} can be read by everybody: chmod 600 it`])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('waiting for a host name is told with its name and the pause', () => {
  expect(noteRetry('vpn.test', 1200)).toBe('[!] no answer about the host vpn.test yet. Trying again in 1.2 s.')
})
