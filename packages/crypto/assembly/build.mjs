/**
 * Compiles the WebAssembly modules and writes them, as base64, to src/internal/wasm-bytes.ts, so that no loader of
 * files is needed at run time. `--check` fails when that file is not what the sources say.
 *
 *   node assembly/build.mjs [--check]
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import asc from 'assemblyscript/asc'
import { fieldSource } from './field.mjs'
import { transportSource } from './transport.mjs'

const folder = import.meta.dirname
const build = path.join(folder, '../build')
const target = path.join(folder, '../src/internal/wasm-bytes.ts')

const FLAGS = ['--noAssert', '--runtime', 'stub', '--enable', 'simd']

/** 65536 pages, so that any memory fits. src/internal/wasm-module.ts rewrites the import for memories that are not shared. */
const IMPORTED_MEMORY = ['--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536', '--enable', 'threads']

/** -O1: from -O2 on, binaryen moves statements to where their results are used, and undoes the order that was chosen. */
const TRANSPORT = ['-O1', ...IMPORTED_MEMORY]

/** Imported by x25519.ts. */
generated('field', fieldSource())

const modules = {
  transportCode: [generated('transport', transportSource('constant')), TRANSPORT],
  transportRelaxedCode: [
    generated('transport-relaxed', transportSource('relaxed')),
    [...TRANSPORT, '--enable', 'relaxed-simd'],
  ],
  handshakeCode: [path.join(folder, 'handshake.ts'), ['-O3', '--initialMemory', '2', '--lowMemoryLimit', '1024']],
}

const text = await render()
const upToDate = existsSync(target) && readFileSync(target, 'utf8') === text
if (!upToDate && process.argv.includes('--check')) throw new Error('src/internal/wasm-bytes.ts is not what its sources say')
if (!upToDate) writeFileSync(target, text)

async function render() {
  const parts = ['/** Written by assembly/build.mjs from the sources there; not to be edited. WebAssembly, base64. */\n']
  for (const [name, [source, flags]] of Object.entries(modules)) {
    parts.push(`export const ${name}: string =\n  '${(await compile(source, flags)).toString('base64')}'\n`)
  }
  return parts.join('')
}

function generated(name, source) {
  mkdirSync(build, { recursive: true })
  const file = path.join(build, `${name}.ts`)
  writeFileSync(file, source)
  return file
}

async function compile(source, flags) {
  const output = path.join(build, `${path.basename(source, '.ts')}.wasm`)
  const { error, stderr } = await asc.main([
    path.relative(folder, source),
    ...FLAGS,
    ...flags,
    ...['--baseDir', folder],
    ...['--outFile', path.relative(folder, output)],
  ])
  if (error) throw new Error(`asc: ${source}: ${stderr.toString()}`)
  return readFileSync(output)
}
