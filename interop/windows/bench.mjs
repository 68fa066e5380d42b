/**
 * `wireweave-bench run` in node.exe, over the stand-in for wintun.dll. Behind that is a TUN in a network namespace, so that the
 * benchmark's own sockets, which Wine takes from Linux, go through our data plane as they would on Windows.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Wine } from './wine.mjs'

/** What the relay listens on, in a namespace of its own. */
const PORT = 51900
/** The benchmark's first contestant has the first of its networks. */
const ADDRESS = '10.200.1.1/24'
const TUN = 'wintun0'
const METRICS = ['tcp-1', 'tcp-reverse', 'udp', 'idle', 'memory', 'handshake', 'start-up']
const EXPECTED = ['tcp-1', 'tcp-reverse', 'udp-rate', 'idle-p50', 'load-p50', 'cpu-tunnel', 'memory', 'handshake']

export default function benchTests(major) {
  const name = `node ${major}: the benchmark over Wintun runs to its end, and its report says what crossed the interface`
  return [{ name, lacks, run: () => runBenchmark(major) }]
}

function lacks() {
  if (process.getuid?.() !== 0) return 'it needs root'
  return existsSync('/dev/net/tun') ? null : 'it needs /dev/net/tun'
}

let runs = 0

async function runBenchmark(major) {
  const name = `wwb${process.pid}x${runs++}`
  const within = ['ip', 'netns', 'exec', name]
  const folder = mkdtempSync(path.join(os.tmpdir(), 'wireweave-bench-windows-'))
  let relay = null
  let wine = null
  ip('netns', 'add', name)
  try {
    ip('-n', name, 'link', 'set', 'lo', 'up')
    relay = await startRelay(within)
    ip('-n', name, 'address', 'add', ADDRESS, 'dev', TUN)
    ip('-n', name, 'link', 'set', TUN, 'up', 'mtu', '1420')
    wine = await Wine.start(within)
    const files = ['json', 'html', 'markdown'].flatMap((kind) => [`--${kind}`, `Z:${folder}/report.${kind}`])
    const what = ['--adapters', 'wintun,wgnt,netstack', '--metrics', METRICS.join(), '--seconds', '1', '--repeat', '1']
    const env = { WGDBL_FAIL: `relay=${PORT}`, WGDBL_LOG: `Z:${folder}/calls.log` }
    const program = 'apps/bench/test/windows/bench-program.js'
    const ended = await wine.run(major, program, ['run', ...what, ...files], { seconds: 300, env })
    assert.equal(ended.code, 0, `the benchmark stopped with ${ended.code}:\n${ended.output}`)
    const violations = readFileSync(path.join(folder, 'calls.log'), 'utf8').match(/^\{"violation".*/gm)
    assert.deepEqual(violations, null)
    const report = JSON.parse(readFileSync(path.join(folder, 'report.json'), 'utf8'))
    checkReport(report)
    checkRates(report, await endRelay(relay))
    const html = readFileSync(path.join(folder, 'report.html'), 'utf8')
    assert.match(html, /<section data-reach="host">[\s\S]*data-metric="tcp-1"[\s\S]*<section data-reach="process">/)
    assert.match(readFileSync(path.join(folder, 'report.markdown'), 'utf8'), /\| TCP, 1 stream \(Gbit\/s\) +\| \d/)
    return `TCP ${samplesOf(report, 'wintun', 'tcp-1').map((value) => value.toPrecision(2))} Gbit/s, ${report.durationSeconds} s`
  } finally {
    wine?.stop()
    relay?.kill('SIGKILL')
    ip('netns', 'del', name)
    rmSync(folder, { recursive: true, force: true })
  }
}

function checkReport(report) {
  assert.deepEqual(
    report.contestants.map(({ name, reach, tool }) => [name, reach, tool]),
    [
      ['wintun', 'host', 'own generator'],
      ['netstack', 'process', 'own generator'],
    ],
  )
  const [absent, ...others] = report.missing
  assert.deepEqual([absent.name, others], ['wgnt', []])
  assert.match(`${absent.why} ${absent.remedy}`, /wireguard\.dll.*download\.wireguard\.com/)
  assert.match(report.machine.system, /^Windows_NT/)
  assert.deepEqual(
    report.results.filter(({ failure }) => failure !== undefined),
    [],
  )
  assert.deepEqual(
    report.notes.filter((note) => !note.startsWith('The machine was busy')),
    [],
  )
  for (const metric of [...EXPECTED, 'start-up']) {
    const samples = samplesOf(report, 'wintun', metric)
    assert.ok(samples.length === 1 && samples.every((value) => value > 0), `${metric}: ${samples}`)
  }
  for (const metric of EXPECTED) assert.equal(samplesOf(report, 'netstack', metric).length, 1, metric)
}

/**
 * The relay saw every packet on its way: TCP that is told to have had a rate had about that over some half of its second. On a
 * busy machine the receiver may see it in less time than that.
 */
function checkRates(report, counts) {
  for (const [metric, way] of [
    ['tcp-1', 'toTunnel'],
    ['tcp-reverse', 'fromTunnel'],
  ]) {
    const [told] = samplesOf(report, 'wintun', metric).map((gigabits) => gigabits * 1e9)
    const peak = peakRate(counts[way])
    assert.ok(told < peak * 2, `${metric}: ${told} bit/s are reported, ${peak} were seen`)
  }
}

/** Bits per second in the half second that had the most. */
function peakRate(tenths) {
  const sums = tenths.map((_, i) => tenths.slice(i, i + 5).reduce((sum, bytes) => sum + (bytes ?? 0), 0))
  return Math.max(...sums) * 8 * 2
}

function samplesOf(report, contestant, metric) {
  return report.results.find((result) => result.contestant === contestant && result.metric === metric)?.samples ?? []
}

async function startRelay(within) {
  const program = path.join(path.dirname(fileURLToPath(import.meta.url)), 'tun-relay.mjs')
  const relay = spawn(within[0], [...within.slice(1), process.execPath, program, TUN, String(PORT)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise((resolve, reject) => {
    relay.once('error', reject).once('exit', () => reject(new Error('the relay ended')))
    relay.stdout.once('data', resolve)
  })
  return relay
}

/** Returns what it counted. */
async function endRelay(relay) {
  let text = ''
  relay.stdout.setEncoding('utf8').on('data', (part) => (text += part))
  relay.removeAllListeners('exit')
  const ended = new Promise((resolve) => relay.once('close', resolve))
  relay.kill('SIGTERM')
  await ended
  return JSON.parse(text)
}

function ip(...args) {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] })
}
