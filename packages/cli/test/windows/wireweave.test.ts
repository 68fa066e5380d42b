/** What the command says on Windows, as a user sees it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { runProgram } from '../../../ffi/test/windows/child.js'

/** Wine opens hundreds of modules slowly, and more so on a busy machine. */
const LIMIT_MS = 180_000

const wireweave = (...args: string[]): ReturnType<typeof runProgram> =>
  runProgram(import.meta.url, '../../src/bin/wireweave.js', args, LIMIT_MS)

const TEXT = `
[Interface]
PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=

[Peer]
PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
`

test(
  'adapters: what is missing, and where to get it',
  async () => {
    const { code, output } = await wireweave('adapters')
    expect(code).toBe(0)
    const text = output.replaceAll(/\s+/g, ' ')
    const folder = path.dirname(process.execPath)
    const system = 'C:\\windows\\system32'
    expect(text).toContain(
      `there is no wireguard.dll in ${folder} or ${system}. Get the newest archive of https://download.wireguard.com/wireguard-nt/, 0.10 or later, and put wireguard.dll of its folder amd64 into ${folder}.`,
    )
    expect(text).toContain(
      `wintun.dll is neither in ${folder} nor in ${system}. Take wintun.dll 0.14.1 from https://www.wintun.net, folder bin\\amd64, and put it beside ${process.execPath}.`,
    )
    expect(text).toMatch(/wgnt +no.*wintun +no.*netstack +yes/)
  },
  LIMIT_MS,
)

test(
  'up without any DLL fails in one line for each adapter, without a stack trace',
  async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'wireweave-'))
    try {
      const file = path.join(folder, 'wg0.conf')
      writeFileSync(file, TEXT)
      const { code, output } = await wireweave('up', file)
      expect(code).toBe(1)
      const [title, wgnt, wintun, ...others] = output.slice(output.indexOf('wireweave: ')).trimEnd().split('\n')
      expect([title, wgnt, wintun]).toEqual([
        'wireweave: no adapter works here.',
        expect.stringMatching(/^  wgnt: there is no wireguard\.dll in .*\. Get the newest archive of .*\.$/),
        expect.stringMatching(/^  wintun: wintun\.dll is neither in .*\. Take wintun\.dll 0\.14\.1 from .*\.$/),
      ])
      expect(others.map((line) => line.trim().split(':')[0])).toEqual(['linux-wg', 'linux-tun'])
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
  LIMIT_MS,
)

test(
  'a file that every user could read is warned of; one that init made is not such a file',
  async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'wireweave-'))
    try {
      const [open, made] = [path.join(folder, 'wg0.conf'), path.join(folder, 'wg1.conf')]
      writeFileSync(open, TEXT)
      expect((await wireweave('init', '--address', '10.7.0.1/24', made)).code).toBe(0)
      expect((await wireweave('strip', open)).output).toContain(`${open} can be read by everybody: icacls "${open}"`)
      expect((await wireweave('strip', made)).output).not.toContain('can be read by everybody')
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
  3 * LIMIT_MS,
)
