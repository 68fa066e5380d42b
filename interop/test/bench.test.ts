/** `wireweave-bench`: that its numbers are right, that it leaves nothing behind, and what it says when something is missing. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { contestants } from '../../apps/bench/dist/contestants/all.js'
import type { Place } from '../../apps/bench/dist/contestants/contestant.js'
import type { Report } from '../../apps/bench/dist/report/report.js'
import { measurements } from '../../apps/bench/dist/run/measurements.js'
import { openTopology } from '../../apps/bench/dist/run/topology.js'
import { EndPair } from '../../apps/bench/dist/traffic/end-pair.js'
import { describeWith, program } from '../rig/needs.js'

const bench = path.resolve(import.meta.dirname, '../../apps/bench/dist/bin/wireweave-bench.js')
const needs = [program('iperf3', 'iperf3'), program('ss', 'iproute2'), program('unshare', 'util-linux')]

let folder = ''
let tag = ''
let runs = 0

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'wireweave-bench-test-'))
  tag = `t${(process.pid % 46656).toString(36)}${runs++}`
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const ip = (...args: string[]): string => spawnSync('ip', args, { encoding: 'utf8' }).stdout
const namespaces = (): string[] =>
  ip('netns', 'list')
    .split('\n')
    .filter((line) => line.startsWith(tag))
const sockets = (): string[] =>
  existsSync('/var/run/wireguard') ? readdirSync('/var/run/wireguard').filter((name) => name.startsWith(tag)) : []
const isOurs = (line: string): boolean => line.includes(tag)
const pidsInside = (): string[] =>
  [`${tag}a`, `${tag}b`].flatMap((name) => ip('netns', 'pids', name).split('\n')).filter((pid) => pid !== '')
/** Whether a process of the run has all these words in its command. */
const runsInside = (...words: string[]): boolean =>
  pidsInside().some((pid) => words.every((word) => commandOf(pid).includes(word)))
const temporary = (): string[] => readdirSync(folder).filter((name) => name.startsWith('wireweave-bench-'))

/** Runs to the end, in a temporary folder of our own. */
function runBench(args: readonly string[], options: { prefix?: readonly string[]; env?: NodeJS.ProcessEnv } = {}) {
  const [file, ...rest] = [...(options.prefix ?? []), process.execPath, bench, ...args]
  const env = { ...process.env, TMPDIR: folder, ...options.env }
  const { status, stdout, stderr } = spawnSync(file!, rest, { encoding: 'utf8', env, timeout: 200_000 })
  return { status, stdout, stderr }
}

function readReport(name: string): Report {
  return JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as Report
}

async function until(isSo: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 60_000; !isSo() && Date.now() < deadline;)
    await new Promise((resolve) => setTimeout(resolve, 50))
}

const failuresOf = (text: string): string[] => text.split('\n').filter((line) => /failed|not warmed up/.test(line))

const SHORT = ['--seconds', '1', '--repeat', '1', '--keys', '0']

describeWith('wireweave-bench', needs, () => {
  test('a run writes every sample as JSON, a page and Markdown, shows plain lines to a pipe, and leaves nothing behind', () => {
    const files = ['--json', `${folder}/r.json`, '--html', `${folder}/r.html`, '--markdown', `${folder}/r.md`]
    const who = ['--adapters', 'linux-tun,netstack', '--rivals', 'veth,kernel-wg', '--metrics', 'tcp-1,idle,start-up']
    const { status, stdout, stderr } = runBench(['run', ...who, ...SHORT, '--tag', tag, ...files])
    expect(failuresOf(stderr)).toEqual([])
    expect(status).toBe(0)
    expect(stderr).toMatch(/^round 1 of 1: tcp-1, linux-tun: tcp-1 .* left\)$/m)
    expect(stderr).not.toContain('\u001B')
    const report = readReport('r.json')
    const seen = [...report.contestants, ...report.missing].map(({ name }) => name).sort()
    expect(seen).toEqual(['kernel-wg', 'linux-tun', 'netstack', 'veth'])
    for (const name of ['linux-tun', 'netstack', 'veth']) {
      expect(report.results.find((each) => each.contestant === name && each.metric === 'tcp-1')?.samples).toHaveLength(
        1,
      )
      expect(report.latencies.find((each) => each.contestant === name)?.samples.length).toBeGreaterThan(15)
    }
    expect(report.contestants.map(({ tool }) => tool)).toEqual(expect.arrayContaining(['iperf3', 'own generator']))
    expect(readFileSync(path.join(folder, 'r.html'), 'utf8')).toContain('data-metric="tcp-1"')
    expect(stdout).toContain('**Inside one process**')
    expect(readFileSync(path.join(folder, 'r.md'), 'utf8')).toContain('| TCP, 1 stream (Gbit/s)')
    expect([...namespaces(), ...sockets(), ...temporary()]).toEqual([])
  })

  /** What a run with these arguments does when it is killed. */
  const MOMENTS: readonly (readonly [string, readonly string[], () => boolean])[] = [
    ['its namespaces are made', ['--metrics', 'tcp-4'], () => namespaces().length > 0],
    ['its tunnels are opened', ['--metrics', 'tcp-4'], () => sockets().length > 0],
    ['traffic flows', ['--metrics', 'tcp-4'], () => runsInside('iperf3', '-t')],
    ['handshakes are counted', ['--metrics', 'handshake-rate', '--keys', '3000'], () => runsInside('handshake-client')],
  ]

  test.each(MOMENTS)('killed with SIGKILL while %s it leaves nothing behind', async (_, args, isThere) => {
    const who = ['--adapters', 'linux-tun,netstack', '--rivals', 'veth', '--seconds', '20', '--repeat', '9']
    const child = spawn(process.execPath, [bench, 'run', ...who, '--keys', '0', ...args, '--tag', tag], {
      env: { ...process.env, TMPDIR: folder },
      stdio: 'ignore',
    })
    await until(isThere)
    expect(isThere()).toBe(true)
    const pids = pidsInside()
    child.kill('SIGKILL')
    await until(
      () => namespaces().length === 0 && temporary().length === 0 && pids.every((pid) => commandOf(pid) === ''),
    )
    // What was under way when it was killed would be there by now.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect([...namespaces(), ...sockets(), ...temporary()]).toEqual([])
    expect(pids.map(commandOf).filter((text) => text !== '')).toEqual([])
    for (const what of ['link', 'rule', 'route']) expect(ip(what).split('\n').filter(isOurs), what).toEqual([])
    const left = spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).stdout.split('\n')
    expect(left.filter((line) => isOurs(line) && !line.startsWith('ps '))).toEqual([])
  })

  test('interrupted from a terminal it reports what it has measured, says so, and leaves nothing behind', async () => {
    const who = ['--adapters', 'linux-tun', '--rivals', 'veth', '--metrics', 'idle,tcp-4', '--keys', '0']
    const args = ['run', ...who, '--seconds', '2', '--repeat', '9', '--tag', tag, '--json', `${folder}/r.json`]
    const child = spawn(process.execPath, [bench, ...args], {
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const said = { out: '', err: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text))
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    await until(() => said.err.includes('idle-p50'))
    await until(() => runsInside('iperf3', '-t'))
    // As a terminal does: to every process of the group.
    process.kill(-child.pid!, 'SIGINT')
    expect(await ended).toBe(130)
    expect(said.out).toContain('Interrupted in round 1: this is what was measured by then.')
    expect(failuresOf(said.err)).toEqual([])
    const report = readReport('r.json')
    expect(report.results.map(({ metric }) => metric)).toContain('idle-p50')
    expect(report.results.filter(({ failure }) => failure !== undefined)).toEqual([])
    expect([...namespaces(), ...sockets(), ...temporary()]).toEqual([])
  })

  test('says its version, and what it can do when asked nothing; an unknown name is an error that lists the known', () => {
    expect(runBench(['--version'])).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
    expect(runBench([])).toMatchObject({ status: 1, stderr: expect.stringContaining('serve [options] <report>') })
    const folderForFile = runBench(['run', '--adapters', 'netstack', '--json', folder])
    expect(folderForFile).toMatchObject({
      status: 1,
      stderr: `wireweave-bench: ${folder} is a folder; name a file in it\n`,
    })
    const { status, stderr } = runBench(['run', '--adapters', 'linux-tum'])
    expect(status).toBe(1)
    expect(stderr).toMatch(
      /^wireweave-bench: no adapter is called linux-tum; there are linux-tun, linux-wg, netstack\n$/,
    )
    expect(runBench(['run', '--adapters', 'wintun']).stderr).toMatch(
      /^wireweave-bench: wintun runs on Windows only; here/,
    )
  })

  test('a name that is taken is an error with its remedy, and whose it is stays', () => {
    ip('netns', 'add', `${tag}b`)
    try {
      const { status, stderr } = runBench(['run', '--adapters', 'none', '--rivals', 'veth', ...SHORT, '--tag', tag])
      expect(status).toBe(1)
      expect(stderr).toMatch(
        /^wireweave-bench: the network namespace \w+ exists already\. Choose other names with --tag.*ip netns delete/m,
      )
      expect(namespaces()).toHaveLength(1)
    } finally {
      ip('netns', 'delete', `${tag}b`)
    }
  })

  test('without root a contestant asked for by name is an error, and all of them a reduced run that says so', () => {
    const prefix = ['unshare', '--user', '--map-user=1000']
    const named = runBench(['run', '--adapters', 'linux-tun', ...SHORT], { prefix })
    expect(named.status).toBe(1)
    expect(named.stderr).toBe('wireweave-bench: linux-tun: network namespaces need root on Linux; run it with sudo\n')
    const json = ['--json', `${folder}/r.json`]
    const reduced = runBench(['run', '--metrics', 'tcp-1,handshake', ...SHORT, ...json], { prefix })
    expect(failuresOf(reduced.stderr)).toEqual([])
    expect(reduced.status).toBe(0)
    expect(reduced.stdout).toContain('A reduced run: without root')
    expect(reduced.stdout).toContain('- linux-tun: network namespaces need root on Linux; run it with sudo')
    const report = readReport('r.json')
    expect(report.contestants.map(({ name }) => name)).toEqual(['netstack'])
    expect(report.results.every(({ samples }) => samples.length === 1 && samples[0]! > 0)).toBe(true)
  })

  test('without iperf3 our own generator takes its place and the report says so; asked for by name it is an error', () => {
    const bin = path.join(folder, 'bin')
    mkdirSync(bin)
    for (const name of ['ip', 'sh', 'cat', 'xargs', 'rm', 'uname', 'unshare', 'kill']) {
      const file = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'].map((each) => path.join(each, name)).find(existsSync)
      if (file !== undefined) symlinkSync(file, path.join(bin, name))
    }
    const env = { PATH: bin }
    const who = ['--adapters', 'none', '--rivals', 'veth', '--metrics', 'tcp-1,udp', ...SHORT, '--tag', tag]
    const named = runBench(['run', ...who, '--generator', 'iperf3'], { env })
    expect(named.status).toBe(1)
    expect(named.stderr).toMatch(/iperf3 is not here: apt-get install iperf3/)
    const { status, stderr } = runBench(['run', ...who, '--json', `${folder}/r.json`], { env })
    expect(failuresOf(stderr)).toEqual([])
    expect(status).toBe(0)
    const report = readReport('r.json')
    expect(report.generator).toMatch(/^own generator on Node/)
    expect(report.contestants[0]!.tool).toBe('own generator')
    expect(report.results.filter(({ metric }) => metric !== 'udp-loss').every(({ samples }) => samples[0]! > 0)).toBe(
      true,
    )
    expect(namespaces()).toEqual([])
  })

  test('its numbers agree with iperf3 run by hand within the spread, and its generator keeps the rate it is given', async () => {
    await using topology = await openTopology(tag)
    const place: Place = { topology, tag, dlls: {}, generator: 'iperf3', closers: [] }
    const contestant = contestants.find(({ name }) => name === 'linux-tun')!
    const carrier = await contestant.open(place, 1)
    const measurement = measurements.find(({ id }) => id === 'tcp-4')!
    const measured: number[] = []
    const byHand: number[] = []
    for (let round = 0; round < 4; round++) {
      const { values } = await measurement.sample({ contestant, carrier, place }, 1)
      measured.push(values['tcp-4']!)
      byHand.push(await iperf3ByHand())
    }
    // In turns on a machine that may be busy: the ranges share something.
    expect(Math.min(...measured)).toBeLessThanOrEqual(Math.max(...byHand) * 1.05)
    expect(Math.max(...measured)).toBeGreaterThanOrEqual(Math.min(...byHand) / 1.05)

    const rate = { payloadBytes: 1000, bitsPerSecond: 20e6, seconds: 1 }
    const sides = { a: '10.200.1.1', b: '10.200.1.2' }
    const spots = { a: { topology, side: 'a' }, b: { topology, side: 'b' } } as const
    const ends = await EndPair.open(spots, (side) => ({
      ...{ kind: 'system', inner: sides[side], peer: sides[side === 'a' ? 'b' : 'a'] },
    }))
    for (const traffic of [carrier.traffic, ends]) {
      let shares: number[] = []
      // A generator that a busy machine stops for a while falls behind: one second of five must be undisturbed.
      for (let tries = 0; tries < 5 && !shares.some(isKept); tries++) {
        const { bitsPerSecond, lostShare } = await traffic.udp(rate)
        shares = [...shares, bitsPerSecond / (20e6 * (1 - lostShare))]
      }
      expect(shares, traffic.tool).toSatisfy((all: number[]) => all.some(isKept))
    }
    await ends.close()

    function isKept(share: number): boolean {
      return share > 0.9 && share < 1.1
    }

    async function iperf3ByHand(): Promise<number> {
      const server = spawn('ip', ['netns', 'exec', `${tag}b`, 'iperf3', '-s', '-1', '-p', '5299'], { stdio: 'ignore' })
      await new Promise((resolve) => setTimeout(resolve, 300))
      const client = ['-c', '10.200.1.2', '-p', '5299', '-t', '1', '-P', '4', '-J']
      const { stdout } = await topology.inside('a', 'iperf3', client, 20)
      server.kill()
      return (
        (JSON.parse(stdout) as { end: { sum_received: { bits_per_second: number } } }).end.sum_received
          .bits_per_second / 1e9
      )
    }
  })
})

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
