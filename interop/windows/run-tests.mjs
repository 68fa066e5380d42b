/**
 * In node.exe: `node run-tests.mjs FILE [PATTERN]` runs one test file, only the tests whose name matches PATTERN. The last line has the
 * counts.
 */
import { startTests } from '@vitest/runner'
import { getTests } from '@vitest/runner/utils'
import { pathToFileURL } from 'node:url'

const [, , file, pattern] = process.argv

const runner = {
  config: {
    root: process.cwd(),
    setupFiles: [],
    name: undefined,
    passWithNoTests: false,
    testNamePattern: pattern ? new RegExp(pattern) : undefined,
    allowOnly: false,
    sequence: { seed: 1, hooks: 'stack', setupFiles: 'list' },
    chaiConfig: undefined,
    maxConcurrency: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    retry: 0,
    includeTaskLocation: false,
    tags: [],
    tagsFilter: undefined,
    strictTags: false,
  },
  importFile: (path) => import(pathToFileURL(path).href),
  // Not onTaskFinished: that comes before the hooks that look at what a test left behind.
  onAfterRunTask: report,
  async onTestAnnotate(test, annotation) {
    console.log(`  ${title(test)}: ${annotation.message}`)
    return annotation
  },
}

let passed = 0
let failed = 0
let skipped = 0

function report(test) {
  const milliseconds = Date.now() - (test.result?.startTime ?? Date.now())
  const state = test.result?.state
  if (state === 'pass') {
    passed++
    console.log(`  ok ${title(test)} (${milliseconds} ms)`)
    return
  }
  if (state !== 'fail') return
  failed++
  console.log(`  FAILED ${title(test)} (${milliseconds} ms)`)
  for (const error of test.result.errors ?? []) printError(error)
}

function title(test) {
  const names = []
  for (let task = test; task !== undefined && task !== test.file; task = task.suite) names.unshift(task.name)
  return names.join(' > ')
}

function printError(error) {
  console.log(String(error.stack ?? error.message ?? error).replaceAll(/^/gm, '    '))
  if (error.diff) console.log(String(error.diff).replaceAll(/^/gm, '    '))
}

process.on('unhandledRejection', (error) => {
  failed++
  console.log(`  FAILED by a rejection that nobody handled: ${error?.stack ?? error}`)
})
const [result] = await startTests([{ filepath: file, fileTags: [] }], runner)
for (const error of result.result?.errors ?? []) {
  failed++
  printError(error)
}
for (const test of getTests([result])) if (test.result === undefined || test.mode === 'skip') skipped++
if (passed + failed === 0 && !pattern) failed++
console.log(`windows: counts ${passed} ${failed} ${skipped}`)
process.exit(failed > 0 ? 1 : 0)
