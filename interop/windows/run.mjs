#!/usr/bin/env node
/**
 * Runs one of our modules in Windows' node.exe under Wine, in the end prints what it wrote.
 *
 *   node interop/windows/run.mjs [--node 22] [--seconds 600] FILE [ARGUMENTS]
 *   node interop/windows/run.mjs packages/adapter-wintun/bench/windows/rings.ts
 *   node interop/windows/run.mjs packages/adapter-wintun/test/windows/stress-program.ts 10000000
 */
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { missing } from './prepare.mjs'
import { Wine } from './wine.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { node: { type: 'string', default: '22' }, seconds: { type: 'string', default: '600' } },
})
const [file, ...args] = positionals
const lacking = file === undefined ? 'which file?' : missing()
if (lacking !== null) {
  console.error(lacking)
  process.exit(2)
}
const wine = await Wine.start()
const stop = () => {
  wine.stop()
  process.exit(130)
}
process.once('SIGINT', stop).once('SIGTERM', stop)
try {
  const module = path.relative(root, path.resolve(file)).replace(/\.ts$/, '.js')
  const { code, output } = await wine.run(values.node, module, args, { seconds: Number(values.seconds) })
  process.stdout.write(output)
  process.exitCode = code
} finally {
  wine.stop()
}
