/** The package as JavaScript, made from the sources at hand: a worker cannot load TypeScript. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'tsup'
import type { userspaceBackend } from '../../../src/userspace-backend.js'

export interface Bundle {
  readonly userspaceBackend: typeof userspaceBackend
  /** Of the module that exports it. */
  readonly url: string
  remove(): void
}

export async function bundlePackage(): Promise<Bundle> {
  const source = fileURLToPath(new URL('../../../src/', import.meta.url))
  // Where koffi, which stays outside, is found.
  const cache = fileURLToPath(new URL('../../../../../node_modules/.cache/', import.meta.url))
  mkdirSync(cache, { recursive: true })
  const outDir = mkdtempSync(path.join(cache, 'wireweave-device-'))
  writeFileSync(path.join(outDir, 'package.json'), '{"type":"module"}')
  await build({
    entry: {
      'userspace-backend': path.join(source, 'userspace-backend.ts'),
      'worker-entry': path.join(source, 'shell/worker-entry.ts'),
      'internal/sealing-worker': path.join(source, '../../crypto/src/internal/sealing-worker.ts'),
    },
    outDir,
    config: false,
    format: 'esm',
    target: 'node20',
    bundle: true,
    splitting: true,
    silent: true,
    clean: false,
    noExternal: [/^@wireweave\//, /^@noble\//],
    esbuildOptions: (options) => {
      options.conditions = ['@wireweave/source']
    },
  })
  const url = pathToFileURL(path.join(outDir, 'userspace-backend.js')).href
  const made = (await import(url)) as Pick<Bundle, 'userspaceBackend'>
  return {
    userspaceBackend: made.userspaceBackend,
    url,
    remove: () => rmSync(outDir, { recursive: true, force: true }),
  }
}
