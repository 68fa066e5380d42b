/**
 * Compiles the WebAssembly module, for memories of either kind, and writes it as base64 to src/internal/wasm-bytes.ts.
 * `--check` fails when that file is not what the source says.
 *
 *   node assembly/build.mjs [--check]
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const folder = path.dirname(fileURLToPath(import.meta.url))
const build = path.join(folder, '../build')
const target = path.join(folder, '../src/internal/wasm-bytes.ts')

const FLAGS = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--enable', 'bulk-memory']
/** 65536 pages, so that any memory fits. */
const MEMORY = ['--importMemory', '--initialMemory', '1', '--maximumMemory', '65536']

const text = `/** Written by assembly/build.mjs from the source there; not to be edited. WebAssembly, base64. */
export const plainCode: string =
  '${await compile([])}'

/** The same for a memory that threads share: a module says in its import which kind it takes. */
export const sharedCode: string =
  '${await compile(['--sharedMemory', '--enable', 'threads'])}'
`
const upToDate = existsSync(target) && readFileSync(target, 'utf8') === text
if (!upToDate && process.argv.includes('--check')) throw new Error('src/internal/wasm-bytes.ts is not what its source says')
if (!upToDate) writeFileSync(target, text)

async function compile(flags) {
  mkdirSync(build, { recursive: true })
  const output = path.join(build, 'offload.wasm')
  const files = ['offload.ts', '--baseDir', folder, '--outFile', path.relative(folder, output)]
  const { error, stderr } = await asc.main([...files, ...FLAGS, ...MEMORY, ...flags])
  if (error) throw new Error(`asc: ${stderr.toString()}`)
  return readFileSync(output).toString('base64')
}
