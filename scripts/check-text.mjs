/** Fails on text that must not be in the repository: machine paths, left-over markers, focused tests, very long files. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { root } from './lib/prepare.mjs'

const LONGEST = 400
/** A generated or unrolled file says so in its first lines, and may be longer. */
const GENERATED = /generated|unrolled/i

const rules = [
  { what: 'a path of one machine', pattern: /(^|[\s'"`(=])\/(work|farm)\//, files: /./ },
  {
    what: 'a left-over marker',
    pattern: /\b(TODO|FIXME|XXX)\b/,
    files: /^(packages|apps|interop|scripts)\/.*\.(ts|mjs|sh)$/,
  },
  { what: 'a focused or empty test', pattern: /\b(it|test|describe)\.(only|todo)\(/, files: /\.test\.ts$/ },
  { what: 'an address of a package registry', pattern: /https?:\/\/registry\./, files: /./ },
]

const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0').filter(Boolean)
const problems = []
for (const file of tracked) {
  if (file === 'scripts/check-text.mjs') continue
  let text
  try {
    text = readFileSync(path.join(root, file), 'utf8')
  } catch {
    continue
  }
  if (text.includes('\0')) continue
  const lines = text.split('\n')
  for (const { what, pattern, files } of rules) {
    if (!files.test(file)) continue
    lines.forEach((line, i) => pattern.test(line) && problems.push(`${file}:${i + 1}: ${what}`))
  }
  const isSource = /^(packages|apps)\/[^/]+\/src\/.*\.ts$/.test(file)
  if (isSource && lines.length > LONGEST && !GENERATED.test(lines.slice(0, 12).join('\n'))) {
    problems.push(`${file}: ${lines.length} lines; over ${LONGEST} only when generated or unrolled, said at the top`)
  }
}
for (const problem of problems) console.error(problem)
if (problems.length === 0) console.log(`${tracked.length} files clean`)
process.exitCode = problems.length === 0 ? 0 : 1
