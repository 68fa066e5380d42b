#!/usr/bin/env node
/**
 * `npm run test:kernel`: boots the virtual machine and runs the tests of `interop/kernel-vm/test` in it, against the
 * kernel's own WireGuard. With `--json FILE` the counts are left in the shape of vitest's JSON report.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { runInKernel } from './run.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
const jsonFlag = process.argv.indexOf('--json')
const jsonFile = jsonFlag < 0 ? null : process.argv[jsonFlag + 1]
/** Six minutes on two idle processors; a machine that others use may need several times that. */
const SECONDS = 2000
/** The emulator now and then faults where no machine would (a double fault in kmalloc): that says nothing of the tests. */
const BOOTS = 3
const CRASH = /Kernel panic - not syncing: Fatal exception/

const folder = mkdtempSync(path.join(tmpdir(), 'wireweave-kernel-'))
const job = path.join(folder, 'job.sh')
// The machine's writes vanish with it: the counts come back over the console.
writeFileSync(
  job,
  [
    `cd ${JSON.stringify(root)}`,
    'export CI=true WIREWEAVE_NO_SKIP=1 NO_COLOR=1',
    'uname -r',
    'node node_modules/vitest/vitest.mjs run --config interop/kernel-vm/vitest.config.ts' +
      ' --reporter=verbose --reporter=json --outputFile.json=/tmp/kernel.json',
    'status=$?',
    // The console loses characters of a burst; these must arrive.
    'sleep 2',
    `node -e 'const r = JSON.parse(require("fs").readFileSync("/tmp/kernel.json"));` +
      ` console.log("kernel-vm: counts", r.numPassedTests, r.numFailedTests, r.numPendingTests + r.numTodoTests)'`,
    'exit $status',
  ].join('\n'),
)
try {
  const deadline = performance.now() + SECONDS * 1000
  let code
  let output
  for (let boot = 1; ; boot++) {
    const seconds = (deadline - performance.now()) / 1000
    ;({ code, console: output } = await runInKernel(job, seconds, (text) => process.stdout.write(text)))
    if (!CRASH.test(output) || code === 124 || boot === BOOTS) break
    console.log(`the virtual machine itself crashed; booting it again (${boot + 1} of ${BOOTS})`)
  }
  const counts = /kernel-vm: counts (\d+) (\d+) (\d+)/.exec(output)
  const [passed, failed, skipped] = counts ? counts.slice(1).map(Number) : [0, 1, 0]
  if (code === 124) console.log(`the virtual machine took more than ${SECONDS} s and was ended`)
  if (jsonFile !== null) {
    const report = { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, numTodoTests: 0 }
    writeFileSync(jsonFile, JSON.stringify(report))
  }
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
  process.exitCode = code === 0 && failed === 0 && passed > 0 ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
