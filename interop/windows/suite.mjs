#!/usr/bin/env node
/**
 * `npm run test:windows`: runs the tests in `packages/<name>/test/windows/*.test.ts` in Windows' node.exe under Wine, then
 * those of `tunnel.mjs` and, with the last Node only, `bench.mjs`, which have their other end on Linux.
 *
 *   node interop/windows/suite.mjs                       everything, on Node 20 and 22
 *   node interop/windows/suite.mjs --node 22 wintun      one Node, the files whose path contains a word
 *   node interop/windows/suite.mjs --name 'ring is full' only tests whose name matches
 *   node interop/windows/suite.mjs --json FILE           also leaves the counts in the shape of vitest's report
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { missing } from './prepare.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
const FILE_SECONDS = 600

const { values: options, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    node: { type: 'string', multiple: true, default: ['20', '22'] },
    name: { type: 'string', default: '' },
  },
})

const total = { passed: 0, failed: 0, skipped: 0 }
const strict = Boolean(process.env.CI || process.env.WIREWEAVE_NO_SKIP)
const lacking = missing()
if (lacking === null) {
  try {
    await runAll()
  } catch (error) {
    total.failed++
    console.log(error.message)
  }
} else {
  console.log(`the Windows suites cannot run: ${lacking}`)
  total[strict ? 'failed' : 'skipped']++
}

const { passed, failed, skipped } = total
if (options.json !== undefined) {
  const report = { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, numTodoTests: 0 }
  writeFileSync(options.json, JSON.stringify(report))
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = failed > 0 || (lacking === null && passed === 0) || (strict && skipped > 0) ? 1 : 0

/** Each Node has a Windows of its own, so that they can go side by side. */
async function runAll() {
  const { Wine } = await import('./wine.mjs')
  const { default: tunnelTests } = await import('./tunnel.mjs')
  const { default: benchTests } = await import('./bench.mjs')
  const machines = []
  const stop = () => {
    for (const wine of machines) wine.stop()
    process.exit(130)
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)
  await Promise.all(
    options.node.map(async (major) => {
      const wine = await Wine.start()
      machines.push(wine)
      try {
        for (const file of testFiles()) await runFile(wine, major, file)
      } finally {
        wine.stop()
      }
      const isLast = major === options.node.at(-1)
      const live = { tunnel: tunnelTests(major), bench: isLast ? benchTests(major) : [] }
      for (const [word, tests] of Object.entries(live)) {
        if (words.length === 0 || words.includes(word)) for (const test of tests) await runLive(test)
      }
    }),
  )
}

async function runFile(wine, major, file) {
  const module = path.join(wine.mirror, file.replace(/\.ts$/, '.js'))
  const args = [`Z:${module.replaceAll('/', '\\')}`, options.name]
  const started = Date.now()
  const { code, output } = await wine.run(major, 'run-tests.mjs', args, { seconds: FILE_SECONDS })
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  const counts = /^windows: counts (\d+) (\d+) (\d+)$/m.exec(output)
  console.log(`node ${major}: ${file} in ${seconds} s`)
  console.log(output.replace(/^windows: counts.*\n/m, '').trimEnd())
  if (counts === null) {
    console.log(code === 124 ? `  took more than ${FILE_SECONDS} s` : `  stopped with code ${code} before its end`)
    total.failed++
    return
  }
  const [passed, failed, skipped] = counts.slice(1).map(Number)
  total.passed += passed
  total.failed += failed === 0 && code !== 0 ? 1 : failed
  total.skipped += options.name === '' ? skipped : 0
}

async function runLive({ name, run, lacks }) {
  if (!new RegExp(options.name).test(name)) return
  const lacking = lacks()
  if (lacking !== null) {
    total[strict ? 'failed' : 'skipped']++
    console.log(`  ${strict ? 'FAILED' : 'skipped'} ${name}: ${lacking}`)
    return
  }
  const started = Date.now()
  try {
    const remark = await run()
    total.passed++
    console.log(`  ok ${name} (${Date.now() - started} ms): ${remark}`)
  } catch (error) {
    total.failed++
    console.log(`  FAILED ${name}\n${String(error.stack).replaceAll(/^/gm, '    ')}`)
  }
}

function testFiles() {
  const files = []
  for (const name of readdirSync(path.join(root, 'packages'))) {
    const folder = path.join('packages', name, 'test/windows')
    if (!existsSync(path.join(root, folder))) continue
    for (const file of readdirSync(path.join(root, folder))) {
      if (file.endsWith('.test.ts')) files.push(path.join(folder, file))
    }
  }
  return files.filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
}
