/**
 * Compiles the WebAssembly module and writes it as base64 to src/core/wasm-bytes.ts. `--check` fails when that file is not
 * what the source says.
 *
 *   node assembly/build.mjs [--check]
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const folder = path.dirname(fileURLToPath(import.meta.url))
const build = path.join(folder, '../build')
const target = path.join(folder, '../src/core/wasm-bytes.ts')
const output = path.join(build, 'checksum.wasm')

const FLAGS = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd']
/** Of any size. */
const MEMORY = ['--importMemory', '--initialMemory', '1']

mkdirSync(build, { recursive: true })
const files = ['checksum.ts', '--baseDir', folder, '--outFile', path.relative(folder, output)]
const { error, stderr } = await asc.main([...files, ...FLAGS, ...MEMORY])
if (error) throw new Error(`asc: ${stderr.toString()}`)

const text = `/** Written by assembly/build.mjs from the source there; not to be edited. WebAssembly, base64. */
export const code: string =
  '${readFileSync(output).toString('base64')}'
`
const isUpToDate = existsSync(target) && readFileSync(target, 'utf8') === text
if (!isUpToDate && process.argv.includes('--check')) throw new Error('src/core/wasm-bytes.ts is not what its source says')
if (!isUpToDate) writeFileSync(target, text)
