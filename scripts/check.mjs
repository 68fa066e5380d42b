/** `npm run check`: everything about the code that is not its behaviour. Stops at nothing; says at the end what failed. */
import { readdirSync, existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { prepare, root, run, runTool } from './lib/prepare.mjs'

prepare()

const packages = readdirSync(path.join(root, 'packages')).filter((name) =>
  existsSync(path.join(root, 'packages', name, 'package.json')),
)
const published = packages.filter(
  (name) => !JSON.parse(readFileSync(path.join(root, 'packages', name, 'package.json'), 'utf8')).private,
)

const steps = {
  format: () => runTool('oxfmt', ['--check', '.']),
  lint: () => runTool('oxlint', ['--type-aware', '--deny-warnings']),
  types: () => runTool('tsc', ['-p', 'tsconfig.json']),
  arrows: () => run(process.execPath, ['scripts/check-arrows.mjs']),
  workplace: () => run(process.execPath, ['scripts/check-text.mjs']),
  knip: () => runTool('knip', ['--no-config-hints']),
  publint: () => every(published, (name) => runTool('publint', ['run', '--strict', `packages/${name}`])),
  attw: () =>
    every(published, (name) =>
      runTool('attw', ['--pack', `packages/${name}`, '--profile', 'esm-only', '--format', 'ascii', '--quiet']),
    ),
}

function every(items, step) {
  return items.map((item) => step(item)).some((code) => code !== 0) ? 1 : 0
}

const failed = []
for (const [name, step] of Object.entries(steps)) {
  console.log(`\n── ${name}`)
  if (step() !== 0) failed.push(name)
}
console.log(failed.length === 0 ? '\ncheck: all clean' : `\ncheck: failed: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
