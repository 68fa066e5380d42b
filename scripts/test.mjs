/**
 * `npm test`: installs, builds, runs every suite this machine can run, and closes with one line over all of them.
 *
 *   npm test                     everything
 *   npm test -- unit interop     only the suites named
 *
 * With CI or WIREWEAVE_NO_SKIP set, a skipped test is a failure.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { prepare, root } from './lib/prepare.mjs'

const results = path.join(root, '.results')
const strict = Boolean(process.env.CI || process.env.WIREWEAVE_NO_SKIP)
const env = strict ? { ...process.env, CI: 'true', WIREWEAVE_NO_SKIP: '1' } : process.env

const vitest = path.join(root, 'node_modules/vitest/vitest.mjs')
const vitestArguments = (name, more) => [
  ...[vitest, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${resultFile(name)}`],
  ...more,
]

const script = (name, ...more) => [process.execPath, [...more, '--json', resultFile(name)]]
/** What knows nothing of the Node it runs in, and what waits for the host's programs: once, on the oldest Node, is enough. */
const SAME_ON_EVERY_NODE = [
  'packages/{config,testkit,tunnel,wireweave}/**',
  'packages/device/test/{core,scenario}/**',
  'packages/adapter-netstack/test/*.test.ts',
]
const otherNode = (major) => [
  'npx',
  [
    ...['-y', `node@${major}`],
    ...vitestArguments(
      `node${major}`,
      SAME_ON_EVERY_NODE.flatMap((files) => ['--exclude', files]),
    ),
  ],
]

/** The command of each suite, which leaves a JSON result; its exit code counts too. */
const suites = {
  unit: [process.execPath, vitestArguments('unit', [])],
  node22: otherNode('22'),
  node24: otherNode('24'),
  portable: script('portable', 'scripts/portable.mjs'),
  packed: [process.execPath, vitestArguments('packed', ['--config', 'test/vitest.config.ts'])],
  kernel: script('kernel', 'interop/kernel-vm/suite.mjs'),
  windows: script('windows', 'interop/windows/suite.mjs'),
  interop: [process.execPath, vitestArguments('interop', ['--config', 'interop/vitest.config.ts'])],
}

/** Resolves with its exit code. */
async function runSuite([command, args]) {
  const child = spawn(command, args, { cwd: root, env, stdio: 'inherit' })
  const [code] = await once(child, 'exit')
  return code ?? 1
}

function resultFile(name) {
  return path.join(results, `${name}.json`)
}

function readCounts(name, exitCode) {
  let counts = { passed: 0, failed: 0, skipped: 0 }
  try {
    const json = JSON.parse(readFileSync(resultFile(name), 'utf8'))
    counts = {
      passed: json.numPassedTests,
      failed: json.numFailedTests,
      skipped: json.numPendingTests + json.numTodoTests,
    }
  } catch {
    console.error(`suite ${name} left no result`)
  }
  // A file that cannot be loaded, or a leak after the last test, fails the run without failing a test.
  if (exitCode !== 0 && counts.failed === 0) counts.failed = 1
  if (exitCode === 0 && counts.passed + counts.failed === 0) counts.failed = 1
  return counts
}

/** The names and first lines of what failed: it must be found in the end of a long log. */
function readFailures(name) {
  try {
    const { testResults = [] } = JSON.parse(readFileSync(resultFile(name), 'utf8'))
    return testResults.flatMap(({ name: file, message, assertionResults = [] }) => {
      const failed = assertionResults.filter(({ status }) => status === 'failed')
      const where = path.relative(root, file ?? '')
      if (failed.length === 0 && message) return [`${where}: ${brief(message)}`]
      return failed.map((test) => `${where} > ${test.fullName}\n${brief(test.failureMessages?.join('\n'))}`)
    })
  } catch {
    return []
  }
}

function brief(message = '') {
  return stripVTControlCharacters(message)
    .split('\n')
    .slice(0, 12)
    .map((line) => `    ${line}`)
    .join('\n')
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !(name in suites))
if (unknown.length > 0) {
  console.error(`unknown suite: ${unknown.join(', ')}. There are: ${Object.keys(suites).join(', ')}`)
  process.exit(1)
}

prepare()
rmSync(results, { recursive: true, force: true })
mkdirSync(results, { recursive: true })

const total = { passed: 0, failed: 0, skipped: 0 }
const lines = []
const failures = []

async function runAndCount(name) {
  console.log(`\n── ${name}`)
  const started = Date.now()
  const counts = readCounts(name, await runSuite(suites[name]))
  for (const key of Object.keys(total)) total[key] += counts[key]
  for (const failure of readFailures(name)) failures.push(`${name}: ${failure}`)
  const seconds = ((Date.now() - started) / 1000).toFixed(0)
  lines.push(
    `${name.padEnd(10)} ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped in ${seconds} s`,
  )
}

// One after the other: two at once share the folder that programs under test are built into, and the machine.
for (const name of Object.keys(suites)) {
  if (wanted.length === 0 || wanted.includes(name)) await runAndCount(name)
}

const summary = `${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`
console.log(`\n${lines.join('\n')}\n`)
if (failures.length > 0) console.log(`Failed:\n${failures.join('\n')}\n`)
if (total.skipped > 0) console.log('What was skipped says in its own line above what it lacks.')
if (strict && total.skipped > 0) console.log('Skipping is forbidden here.')
console.log(summary)
writeFileSync(path.join(results, 'failures.txt'), failures.map((failure) => `${failure}\n`).join(''))
writeFileSync(path.join(results, 'summary.txt'), `${summary}\n`)
process.exitCode = total.failed > 0 || (strict && total.skipped > 0) ? 1 : 0
