/** The program on a model of Windows, as a user sees it: what goes wrong, in its own words, and `down` from elsewhere. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runProgram } from '../../../ffi/test/windows/child.js'
import type { Run } from './stand-in/program.js'

/** Wine opens hundreds of modules slowly, and more so on a busy machine. */
const LIMIT_MS = 180_000
const PROGRAM = './stand-in/program.js'
const NATIVE = process.env['WIREWEAVE_NATIVE']!

let folder: string
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'wireweave-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

let files = 0
function conf(): { readonly file: string; readonly name: string } {
  const name = `r${process.pid % 10_000}n${files++}`
  const file = path.join(folder, `${name}.conf`)
  const text = `
    [Interface]
    PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
    Address = 10.7.${files}.2/24, fd07:${files}::2/64
    PostDown = echo gone it is

    [Peer]
    PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
    Endpoint = 198.51.100.1:51820
    AllowedIPs = 10.7.${files}.0/24`
  writeFileSync(file, text.replaceAll(/^ +/gm, ''))
  return { file, name }
}

interface Said {
  readonly code: number
  readonly text: string
}

async function wireweave(...runs: readonly Run[]): Promise<Said[]> {
  const { code, output } = await runProgram(
    import.meta.url,
    PROGRAM,
    runs.map((run) => JSON.stringify(run)),
    LIMIT_MS,
  )
  expect([code, output]).toEqual([0, expect.not.stringMatching(/^\s+at |^\d+ faults$/m)])
  const said = [...output.matchAll(/((?:.|\n)*?)ended with (\d)\n/g)]
  return said.map(([, text, ended]) => ({ code: Number(ended), text: text! }))
}

const GONE =
  'wireweave: the adapter of NAME was removed or disabled. Bring it up again; "Network Connections" shows whether it was disabled.'

const PROBLEMS: readonly Omit<Run, 'args'>[] = [
  { dll: 'nothing.dll' },
  { dll: 'wrong-architecture.dll' },
  { isChecked: true },
  { dll: 'wintun-0.13-double.dll' },
  { isPlainUser: true },
  { rule: 'create=5' },
  { then: 'remove' },
]

test('what keeps an adapter from working, or ends it, in the words of the program', { timeout: LIMIT_MS }, async () => {
  const up = (adapter: string, run: Omit<Run, 'args'>): Run => ({
    ...{ ...run, args: ['up', '--adapter', adapter, conf().file] },
  })
  const runs = ['wintun', 'wgnt'].flatMap((adapter) => PROBLEMS.map((problem) => up(adapter, problem)))
  const said = await wireweave(...runs, up('wintun', { then: 'fill' }))
  expect(said.map(({ code }) => code)).toEqual(said.map(() => 1))
  // Before its end "up" tells the steps that it takes.
  const ends = said.map(({ text }) =>
    text
      .slice(text.indexOf('wireweave: '))
      .trim()
      .replaceAll(/r\d+n\d+/g, 'NAME'),
  )
  const wintun = `ake wintun.dll 0.14.1 from https://www.wintun.net, folder bin\\amd64, and put it beside ${process.execPath}`
  expect(ends.slice(0, PROBLEMS.length)).toEqual([
    `wireweave: adapter wintun: there is no ${NATIVE}\\nothing.dll. T${wintun}.`,
    `wireweave: adapter wintun: ${NATIVE}\\wrong-architecture.dll is for ia32, node.exe for x64. T${wintun}.`,
    `wireweave: ${NATIVE}\\wintun-double.dll is not loaded: it is not signed; take the file from the official archive again, https://www.wintun.net`,
    `wireweave: ${NATIVE}\\wintun-0.13-double.dll is older than 0.14, or no Wintun: t${wintun}`,
    'wireweave: adapter wintun: the process is not elevated. Run as administrator or as SYSTEM.',
    'wireweave: cannot create the adapter NAME (ERROR_ACCESS_DENIED): run as administrator or as SYSTEM; wintun.dll says: Failed to setup adapter (problem code: 0x1F, ntstatus: 0xC0000035)',
    GONE,
  ])
  const wgnt = `Get the newest archive of https://download.wireguard.com/wireguard-nt/, 0.10 or later, and put wireguard.dll of its folder amd64 into ${path.dirname(process.execPath)}.`
  expect(ends.slice(PROBLEMS.length, -1)).toEqual([
    `wireweave: adapter wgnt: there is no ${NATIVE}\\nothing.dll. ${wgnt}`,
    `wireweave: adapter wgnt: ${NATIVE}\\wrong-architecture.dll is made for ia32, not for this node.exe (x64). ${wgnt}`,
    `wireweave: ${NATIVE}\\wireguard-double.dll is not loaded: it is not signed; take the file from the official archive again`,
    `wireweave: ${NATIVE}\\wintun-0.13-double.dll has no function WireGuardGetAdapterLUID: is it another version?`,
    'wireweave: adapter wgnt: this process is not elevated. Start the terminal with "Run as administrator", or run it as a service.',
    'wireweave: creating NAME: needs an elevated administrator or LocalSystem (ERROR_ACCESS_DENIED, 5)\n  wireguard.dll: Failed to create adapter: problem code 0x1F, status 0xC0000035',
    GONE,
  ])
  // A ring that is full is told once, and so is its end.
  const lines = said
    .at(-1)!
    .text.split('\n')
    .flatMap((line) => /ERROR: \(.*?\) \S+ \S+ (.*)/.exec(line)?.[1] ?? [])
  expect(lines).toEqual([
    'Windows takes no packets: its ring is full, and they are dropped',
    expect.stringMatching(/^Windows takes packets again; \d+ were dropped$/),
  ])
})

/** A program that stays. */
class Staying {
  readonly #child: ChildProcess
  readonly #log: string
  readonly ended: Promise<number | null>

  constructor(log: string, run: Run) {
    this.#log = log
    const output = openSync(log, 'w')
    const program = fileURLToPath(new URL(PROGRAM, import.meta.url))
    this.#child = spawn(process.execPath, [program, JSON.stringify(run)], { stdio: ['ignore', output, output] })
    closeSync(output)
    this.ended = new Promise((resolve) => this.#child.once('exit', resolve))
  }

  get said(): string {
    return readFileSync(this.#log, 'utf8')
  }

  async until(text: string): Promise<void> {
    for (const end = performance.now() + LIMIT_MS; !this.said.includes(text);) {
      if (performance.now() > end) throw new Error(`it did not say "${text}" but:\n${this.said}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  kill(): void {
    this.#child.kill()
  }
}

test(
  'down ends an interface of another process and every trace of it, and says what there is nothing of',
  { timeout: 2 * LIMIT_MS },
  async () => {
    const [tun, nt] = [conf(), conf()]
    const staying = [tun, nt].map(({ file, name }, i) => {
      const args = ['up', '--adapter', i === 0 ? 'wintun' : 'wgnt', '-f', '--json', file]
      return new Staying(path.join(folder, `${name}.txt`), { args })
    })
    try {
      for (const each of staying) await each.until('"actions"')
      const [nobody, ifUp, first, second, again, device] = await wireweave(
        { args: ['down', 'nobody'] },
        { args: ['down', '--if-up', 'nobody'] },
        { args: ['down', tun.file] },
        { args: ['down', '--no-hooks', '--json', nt.file] },
        { args: ['down', tun.file] },
        { args: ['down', 'NUL'] },
      )
      const remedy = '"wireweave show interfaces" lists those that run.'
      expect(nobody).toEqual({ code: 1, text: `wireweave: there is no interface nobody. ${remedy}\n` })
      expect(ifUp).toEqual({ code: 0, text: '' })
      expect(first).toEqual({ code: 0, text: expect.any(String) })
      expect(first!.text).toMatch(new RegExp(`^\\[#\\] wireweave close ${tun.name}$`, 'm'))
      expect(first!.text).toMatch(/^\[#\] echo gone it is$/m)
      expect(second).toEqual({ code: 0, text: expect.any(String) })
      expect(second!.text).not.toContain('gone it is')
      const { interface: name, actions } = JSON.parse(second!.text.trim().split('\n').at(-1)!) as Record<
        string,
        unknown
      >
      expect([name, actions]).toEqual([nt.name, expect.arrayContaining([`wireweave close ${nt.name}`])])
      expect(again).toEqual({ code: 1, text: `wireweave: there is no interface ${tun.name}. ${remedy}\n` })
      expect(device!.text).toMatch(/^wireweave: an interface name has .*, no name of a device such as NUL\n$/)
      expect(await Promise.all(staying.map((each) => each.ended))).toEqual([0, 0])
      for (const each of staying) expect(each.said).not.toMatch(/ faults$/m)
      for (const each of staying) expect(each.said).toMatch(/Shutting down: asked to by "down"[^]*Device closed/)
    } finally {
      for (const each of staying) each.kill()
    }
  },
)
