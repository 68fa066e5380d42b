/** Brings a checkout to the state in which its commands can run: dependencies installed, packages built. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')

const FLOOR = [20, 20, 0]

/** Exits with a remedy when this Node is too old. */
function requireNode() {
  const version = process.versions.node.split('.').map(Number)
  const older = FLOOR.findIndex((part, i) => version[i] !== part)
  if (older >= 0 && version[older] < FLOOR[older]) {
    console.error(`Wireweave needs Node ${FLOOR.join('.')} or later; this is ${process.versions.node}.`)
    process.exit(1)
  }
}

/** Runs a program in the checkout with inherited output; returns its exit code. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (result.error) throw result.error
  return result.status ?? 1
}

/** Runs a tool that npm installed here, without asking npx to find it. */
export function runTool(name, args, options = {}) {
  return run(path.join(root, 'node_modules/.bin', name), args, options)
}

function installed() {
  const stamp = path.join(root, 'node_modules/.wireweave-lock')
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === lockHash()
}

/**
 * Installs what the lock file names, when it is not what was installed last. Not `npm ci`: it refuses a lock file that was
 * written where a registry lacks the optional packages of other platforms.
 */
function install() {
  if (installed()) return
  console.log('Installing dependencies …')
  if (run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error']) !== 0) {
    console.error('npm could not install the dependencies; its message above says why.')
    process.exit(1)
  }
  writeFileSync(path.join(root, 'node_modules/.wireweave-lock'), lockHash())
}

/** Builds every package; turbo skips what has not changed. Quiet unless it fails. */
function build() {
  console.log('Building …')
  const result = spawnSync(path.join(root, 'node_modules/.bin/turbo'), ['run', 'build', '--output-logs=errors-only'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
  })
  if (result.status !== 0) {
    process.stdout.write(result.stdout ?? '')
    process.stderr.write(result.stderr ?? '')
    console.error('The build failed.')
    process.exit(1)
  }
}

/**
 * npm links only commands whose files exist, which those of a fresh clone do not until they are built; and a command that
 * is not linked here `npx` would look for in the registry.
 */
function linkCommands() {
  const bin = path.join(root, 'node_modules/.bin')
  if (['wireweave', 'wireweave-daemon', 'wireweave-bench'].every((name) => existsSync(path.join(bin, name)))) return
  const packages = ['@wireweave/cli', '@wireweave/bench']
  const quiet = { stdio: ['inherit', 'ignore', 'inherit'] }
  if (run('npm', ['rebuild', '--ignore-scripts', '--loglevel=error', ...packages], quiet) !== 0) {
    console.error('npm could not link the commands of this checkout; its message above says why.')
    process.exit(1)
  }
}

export function prepare() {
  requireNode()
  install()
  build()
  linkCommands()
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex')
}
