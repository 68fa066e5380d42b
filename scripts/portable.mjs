/**
 * The suites that any runtime can run, under Node, Bun and Deno: every `packages/<name>/test/portable.ts`, over the built
 * packages (`npm run build` first).
 *
 *   node scripts/portable.mjs                    all three
 *   node scripts/portable.mjs --runtime deno     one of them; may be repeated
 *   node scripts/portable.mjs --json out.json    also leaves the counts in a file
 *
 * Bun and Deno are 195 MB, too much to install with the repository: npm fetches the versions below on first use into a
 * cache outside the checkout. Where that fails the runtime is skipped, except under CI.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'tsup'
import { root } from './lib/prepare.mjs'

const EXE = process.platform === 'win32' ? '.exe' : ''

/** `flags` keep a runtime from fetching anything itself; Deno's also grant no more than the suites need. */
const runtimes = {
  node: { flags: [] },
  bun: {
    version: '1.4.5',
    packages: {
      'linux-x64': '@oven/bun-linux-x64',
      'linux-arm64': '@oven/bun-linux-aarch64',
      'darwin-x64': '@oven/bun-darwin-x64',
      'darwin-arm64': '@oven/bun-darwin-aarch64',
      'win32-x64': '@oven/bun-windows-x64',
    },
    program: `bin/bun${EXE}`,
    flags: ['--no-install'],
  },
  deno: {
    version: '2.9.6',
    packages: {
      'linux-x64': '@deno/linux-x64-glibc',
      'linux-arm64': '@deno/linux-arm64-glibc',
      'darwin-x64': '@deno/darwin-x64',
      'darwin-arm64': '@deno/darwin-arm64',
      'win32-x64': '@deno/win32-x64',
    },
    program: `deno${EXE}`,
    flags: [
      'run',
      '--no-prompt',
      '--no-remote',
      '--no-lock',
      '--node-modules-dir=manual',
      '--allow-read',
      '--allow-env',
    ],
  },
}

const { values: options } = parseArgs({
  options: { runtime: { type: 'string', multiple: true, default: Object.keys(runtimes) }, json: { type: 'string' } },
})
const unknown = options.runtime.filter((name) => !Object.hasOwn(runtimes, name))
if (unknown.length > 0) {
  console.error(`unknown runtime: ${unknown.join(', ')}. There are: ${Object.keys(runtimes).join(', ')}`)
  process.exit(1)
}

const strict = Boolean(process.env.CI || process.env.WIREWEAVE_NO_SKIP)
const total = { passed: 0, failed: 0, skipped: 0 }
const lines = []
const suites = await bundleSuites()
for (const name of options.runtime) {
  console.log(`${name}:`)
  const counts = await runUnder(name)
  for (const key of Object.keys(total)) total[key] += counts[key]
  lines.push(counts.line)
}
console.log(`\n${lines.join('\n')}`)
if (options.json !== undefined) {
  const { passed, failed, skipped } = total
  const json = { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, numTodoTests: 0 }
  writeFileSync(options.json, JSON.stringify(json))
}
process.exitCode = total.failed > 0 || (strict && total.skipped > 0) ? 1 : 0

/** One module per suite, inside its package: what it imports by name stays an import, for the runtime to resolve. */
async function bundleSuites() {
  const bundles = []
  for (const name of readdirSync(path.join(root, 'packages'))) {
    const folder = path.join(root, 'packages', name)
    const entry = path.join(folder, 'test/portable.ts')
    if (!existsSync(entry)) continue
    await build({
      entry: { portable: entry },
      outDir: path.join(folder, 'build'),
      format: 'esm',
      target: 'node20',
      skipNodeModulesBundle: true,
      config: false,
      silent: true,
    })
    bundles.push(path.join(folder, 'build/portable.js'))
  }
  return bundles
}

async function runUnder(name) {
  const { program, problem } = locate(name)
  if (program === undefined) {
    console.log(`  ${problem}`)
    const counts = strict ? { passed: 0, failed: 1, skipped: 0 } : { passed: 0, failed: 0, skipped: 1 }
    return { ...counts, line: `${name}: not run: ${problem}` }
  }

  const runner = path.join(root, 'scripts/lib/portable-runner.mjs')
  const child = spawn(program, [...runtimes[name].flags, runner, ...suites], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const finished = new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))
  let output = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    process.stdout.write(chunk)
    output += chunk
  }
  const code = await finished
  const line = output.trimEnd().split('\n').at(-1)
  const counts = /: (\d+) passed, (\d+) failed, (\d+) skipped$/.exec(line)
  if (counts === null)
    return { passed: 0, failed: 1, skipped: 0, line: `${name}: stopped with code ${code} before the end` }
  const [passed, failed, skipped] = counts.slice(1).map(Number)
  return { passed, failed: failed === 0 && code !== 0 ? 1 : failed, skipped, line }
}

/** The program of a runtime, fetched if need be. */
function locate(name) {
  if (name === 'node') return { program: process.execPath }
  const { version, packages, program } = runtimes[name]
  const platform = `${process.platform}-${process.arch}`
  const npmName = packages[platform]
  if (npmName === undefined) return { problem: `there is no ${name} for ${platform}` }
  const cache = process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache')
  const folder = path.join(cache, 'wireweave', `${name}-${version}`)
  const file = path.join(folder, 'node_modules', npmName, program)
  if (!existsSync(file)) {
    console.log(`  fetching ${npmName}@${version} into ${folder}`)
    mkdirSync(folder, { recursive: true })
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    const npm = spawnSync('npm', ['install', '--prefix', folder, ...quiet, `${npmName}@${version}`], {
      encoding: 'utf8',
      shell: process.platform === 'win32',
    })
    if (npm.status !== 0) {
      const cause = (npm.stderr || npm.error?.message || '').trim().split('\n')[0]
      return { problem: `npm could not fetch ${npmName}@${version}: ${cause}` }
    }
  }
  return { program: file }
}
