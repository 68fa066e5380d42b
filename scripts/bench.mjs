/**
 * `npm run bench`: every adapter and rival of this machine in under six minutes; leaves JSON, a page and Markdown in
 * `.bench/`. `npm run perf`: the race of our data plane against wireguard-go, slower and more exact. What follows `--`
 * goes to `wireweave-bench run` and wins over the presets.
 */
import { prepare, run } from './lib/prepare.mjs'

const [first, ...rest] = process.argv.slice(2)
const isPerf = first === 'perf'
const given = isPerf ? rest : process.argv.slice(2)

const measurements = 'tcp-1,tcp-4,tcp-16,tcp-both,udp,udp-64,idle,memory,handshake,start-up,handshake-rate'
const presets = {
  bench: ['--metrics', measurements, '--seconds', '1', '--repeat', '3', '--keys', '300'],
  perf: ['--adapters', 'linux-tun', '--rivals', 'wireguard-go,boringtun', '--metrics', `${measurements},udp-lossfree`],
}
const name = isPerf ? 'perf' : 'bench'
const files = ['json', 'html', 'markdown'].flatMap((kind) => [
  `--${kind}`,
  `.bench/${name}.${kind === 'markdown' ? 'md' : kind}`,
])

prepare()
// Installing and building have taken their part of the six minutes. Nothing begins that would end after this many seconds.
if (!isPerf) presets.bench.push('--within', String(Math.max(60, Math.floor(325 - performance.now() / 1000))))
const program = 'apps/bench/dist/bin/wireweave-bench.js'
process.exitCode = run(process.execPath, [program, 'run', ...presets[name], ...files, ...given])
