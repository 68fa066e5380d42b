/** Compiles assembly/offload.ts, for plain and for shared memories, into src/internal/offload-wasm.ts. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const compiler = join(dirname(createRequire(import.meta.url).resolve('assemblyscript/package.json')), 'bin/asc.js')

/** The module's text as it belongs into the source tree. */
export function generate() {
  const folder = mkdtempSync(join(tmpdir(), 'wireweave-wasm-'))
  try {
    const [plain, shared] = [[], ['--sharedMemory', '--enable', 'threads']].map((flags) => compile(folder, flags))
    return `/** Generated from assembly/offload.ts by scripts/build-wasm.mjs. */
export const PLAIN_MODULE: string =
  '${plain}'

/** The same for a memory that threads share. */
export const SHARED_MODULE: string =
  '${shared}'
`
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function compile(folder, flags) {
  const output = join(folder, 'offload.wasm')
  const fixed = [
    '--runtime',
    'stub',
    '--noAssert',
    '-O3',
    '--enable',
    'simd',
    '--enable',
    'bulk-memory',
    '--importMemory',
  ]
  const memory = ['--initialMemory', '1', '--maximumMemory', '65536']
  execFileSync(
    process.execPath,
    [compiler, join(root, 'assembly/offload.ts'), '-o', output, ...fixed, ...memory, ...flags],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 120_000,
    },
  )
  return readFileSync(output).toString('base64')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(join(root, 'src/internal/offload-wasm.ts'), generate())
}
