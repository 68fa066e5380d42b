/**
 * Runs suites in the runtime that runs this file: `<runtime> portable-runner.mjs <module>...`, where each module's default
 * export registers tests with the `test` it is given. The last line of output has the counts.
 */
import { pathToFileURL } from 'node:url'

const counts = { passed: 0, failed: 0, skipped: 0 }

for (const file of process.argv.slice(2)) {
  const tests = []
  const test = (name, body) => tests.push({ name, body })
  test.skip = (name) => {
    counts.skipped++
    console.log(`  skipped: ${name}`)
  }
  const { default: register } = await import(pathToFileURL(file).href)
  await register(test)
  for (const { name, body } of tests) {
    try {
      await body()
      counts.passed++
    } catch (error) {
      counts.failed++
      console.log(`  FAILED: ${name}\n${String(error?.stack ?? error).replaceAll(/^/gm, '    ')}`)
    }
  }
}

const runtime = globalThis.Bun
  ? `bun ${globalThis.Bun.version}`
  : globalThis.Deno
    ? `deno ${globalThis.Deno.version.deno}`
    : `node ${process.versions.node}`
const nothing = counts.passed + counts.failed === 0
console.log(`${runtime}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exit(counts.failed > 0 || nothing ? 1 : 0)
