/**
 * The sources of all packages and their Windows tests as JavaScript, one file per file and under the same names, so that
 * the tests run the sources, as under vitest, and workers and child processes find theirs.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = path.dirname(fileURLToPath(import.meta.url))
const root = path.resolve(here, '../..')

/**
 * Fills `folder`, which lies in the checkout: what is not in it is found in the checkout's node_modules. `modules` has koffi for
 * Windows.
 */
export async function makeMirror(folder, modules) {
  const packages = readdirSync(path.join(root, 'packages'))
    .map((name) => `packages/${name}`)
    .concat('apps/bench')
    .filter((home) => existsSync(path.join(root, home, 'package.json')))
  const entryPoints = []
  for (const home of packages) {
    for (const part of ['src', 'test/windows', 'test/shell/support', 'bench/windows']) {
      const from = path.join(root, home, part)
      if (!existsSync(from)) continue
      for (const file of readdirSync(from, { recursive: true })) {
        if (file.endsWith('.ts') && !file.endsWith('.d.ts')) entryPoints.push(path.join(from, file))
      }
    }
  }
  await build({
    entryPoints,
    outdir: folder,
    outbase: root,
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    logLevel: 'warning',
    tsconfigRaw: { compilerOptions: { target: 'es2022', verbatimModuleSyntax: true } },
  })
  const own = path.join(folder, 'node_modules')
  mkdirSync(path.join(own, '@wireweave'), { recursive: true })
  for (const home of packages) linkPackage(home, folder, own)
  for (const name of ['koffi', '@koromix']) symlinkSync(path.join(modules, name), path.join(own, name))
  mkdirSync(path.join(own, 'vitest'))
  writeFileSync(path.join(own, 'vitest/package.json'), '{"type":"module","exports":"./index.js"}')
  copyFileSync(path.join(here, 'vitest-api.mjs'), path.join(own, 'vitest/index.js'))
  copyFileSync(path.join(here, 'run-tests.mjs'), path.join(folder, 'run-tests.mjs'))
}

/** The package's manifest with its exports pointing at the sources. */
function linkPackage(where, folder, own) {
  const manifest = JSON.parse(readFileSync(path.join(root, where, 'package.json'), 'utf8'))
  const exports = {}
  for (const [subpath, target] of Object.entries(manifest.exports ?? {})) {
    const source = target['@wireweave/source']
    exports[subpath] = source === undefined ? target : source.replace(/\.ts$/, '.js')
  }
  const home = path.join(folder, where)
  mkdirSync(home, { recursive: true })
  writeFileSync(path.join(home, 'package.json'), JSON.stringify({ ...manifest, exports }))
  // Versions of its own, where another package needs others.
  const modules = path.join(root, where, 'node_modules')
  if (existsSync(modules)) symlinkSync(modules, path.join(home, 'node_modules'))
  const link = path.join(own, manifest.name)
  mkdirSync(path.dirname(link), { recursive: true })
  symlinkSync(home, link)
}
