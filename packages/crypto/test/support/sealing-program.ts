/** The engine and its workers as JavaScript, made from the sources at hand: a worker cannot load TypeScript. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'tsup'

export interface SealingPrograms {
  /** What a worker runs that behaves in some way of test-sealing-worker.ts, or is not there. */
  worker(behaviour: 'prompt' | 'slow' | 'dies' | 'throws' | 'sticks' | 'missing'): URL
  /** Of a module with the exports of parallel.ts and wasm.ts, whose workers are the real ones. */
  readonly engineUrl: string
  remove(): void
}

export async function buildSealingPrograms(): Promise<SealingPrograms> {
  const source = fileURLToPath(new URL('../../src/', import.meta.url))
  const outDir = mkdtempSync(path.join(os.tmpdir(), 'wireweave-sealing-'))
  writeFileSync(path.join(outDir, 'package.json'), '{"type":"module"}')
  await build({
    entry: {
      parallel: path.join(source, 'parallel.ts'),
      wasm: path.join(source, 'wasm.ts'),
      'internal/sealing-worker': path.join(source, 'internal/sealing-worker.ts'),
      'test-sealing-worker': fileURLToPath(new URL('./test-sealing-worker.ts', import.meta.url)),
    },
    outDir,
    config: false,
    format: 'esm',
    target: 'node20',
    bundle: true,
    splitting: true,
    silent: true,
    clean: false,
    noExternal: [/^@noble\//],
  })
  const url = (file: string): string => pathToFileURL(path.join(outDir, file)).href
  return {
    worker(behaviour) {
      const program = `globalThis.behaviour = '${behaviour}'\nawait import('./test-sealing-worker.js')\n`
      if (behaviour !== 'missing') writeFileSync(path.join(outDir, `${behaviour}.js`), program)
      return new URL(url(`${behaviour}.js`))
    },
    engineUrl: url('parallel.js'),
    remove: () => rmSync(outDir, { recursive: true, force: true }),
  }
}
