/**
 * Compiles the WebAssembly modules and writes them, as base64, to src/internal/*-bytes.ts, so that no loader of files is
 * needed at run time. `--check` fails when those files are not what the sources say.
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
const internal = path.join(folder, '../src/internal')

const FLAGS = ['--noAssert', '--runtime', 'stub', '--enable', 'simd']

/** 65536 pages, so that any memory fits. src/internal/wasm-module.ts rewrites the import for memories that are not shared. */
const IMPORTED_MEMORY = ['--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536', '--enable', 'threads']

/** -O1: from -O2 on, binaryen moves statements to where their results are used, and undoes the order that was chosen. */
const TRANSPORT = ['-O1', ...IMPORTED_MEMORY]

/** Imported by x25519.ts. */
generated('field', fieldSource())

const RELAXED = ['--enable', 'relaxed-simd']

/** The engine's part of the memory is small: an address of it, and an offset below 1024, can be one instruction. */
const SEALING = [...TRANSPORT, '--lowMemoryLimit', '1024']

const targets = {
  'wasm-bytes.ts': {
    transportCode: [generated('transport', transportSource('constant', 'fixed')), TRANSPORT],
    transportRelaxedCode: [
      generated('transport-relaxed', transportSource('relaxed', 'fixed')),
      [...TRANSPORT, ...RELAXED],
    ],
    handshakeCode: [path.join(folder, 'handshake.ts'), ['-O3', '--initialMemory', '2', '--lowMemoryLimit', '1024']],
  },
  'sealing-bytes.ts': {
    sealingCode: [generated('sealing', transportSource('constant', 'imported')), SEALING],
    sealingRelaxedCode: [generated('sealing-relaxed', transportSource('relaxed', 'imported')), [...SEALING, ...RELAXED]],
  },
}

for (const [name, modules] of Object.entries(targets)) {
  const target = path.join(internal, name)
  const text = await render(modules)
  if (existsSync(target) && readFileSync(target, 'utf8') === text) continue
  if (process.argv.includes('--check')) throw new Error(`src/internal/${name} is not what its sources say`)
  writeFileSync(target, text)
}

async function render(modules) {
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
