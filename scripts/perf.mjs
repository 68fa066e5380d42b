/** `npm run perf`: our device against its rivals in alternating order. Arguments go to `wireweave-bench run`. */
import { prepare, run } from './lib/prepare.mjs'

prepare()
process.exitCode = run(process.execPath, ['apps/bench/dist/bin/wireweave-bench.js', 'run', ...process.argv.slice(2)])
