/** What the documents refer to exists. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

const root = path.resolve(import.meta.dirname, '..')
const expand = (name: string): string => name.replace(/^N\//, 'packages/noise/').replace(/^D\//, 'packages/device/')

test('every file and test of the protocol map exists', () => {
  const map = readFileSync(path.join(root, 'docs/protocol-map.md'), 'utf8')
  const rows = [...map.matchAll(/^\| [^|]+ \| [^|]+ \| ([ND]\/src\/[^ |]+) \| ([ND]\/test\/[^ :|]+): ([^|]+) \|$/gm)]
  expect(rows.length).toBeGreaterThan(35)
  expect(rows.length).toBe(map.split('\n').filter((line) => line.startsWith('| ') && line.includes('/test/')).length)
  for (const [, source, file, name] of rows) {
    expect(existsSync(path.join(root, expand(source!))), source).toBe(true)
    const text = readFileSync(path.join(root, expand(file!)), 'utf8')
    expect(text.includes(name!.trim()), `${file} has no test "${name!.trim()}"`).toBe(true)
  }
})

test('every relative link in a document leads somewhere', () => {
  const documents = ['README.md', 'ARCHITECTURE.md', 'SECURITY.md', 'CONTRIBUTING.md']
  for (const folder of ['docs', 'docs/decisions']) {
    for (const name of readdirSync(path.join(root, folder)))
      if (name.endsWith('.md')) documents.push(`${folder}/${name}`)
  }
  for (const name of readdirSync(path.join(root, 'packages'))) documents.push(`packages/${name}/README.md`)
  for (const document of documents) {
    const text = readFileSync(path.join(root, document), 'utf8')
    for (const [, target] of text.matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)[^)]*\)/g)) {
      expect(existsSync(path.join(root, path.dirname(document), target!)), `${document} links to ${target}`).toBe(true)
    }
  }
})

test('every package has its row in ARCHITECTURE.md and its link in README.md', () => {
  const architecture = readFileSync(path.join(root, 'ARCHITECTURE.md'), 'utf8')
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8')
  const rows = [...architecture.matchAll(/^\| `([a-z-]+)(?:\/[a-z]+)?` +\|/gm)].map(([, name]) => name)
  for (const name of readdirSync(path.join(root, 'packages'))) {
    expect(readme.includes(`](packages/${name})`), `README.md links to packages/${name}`).toBe(true)
    // It is told of below the table: whatever it tests may be above or below.
    if (name !== 'testkit') expect(rows, `ARCHITECTURE.md has a row of ${name}`).toContain(name)
  }
})

test('every script and suite that can be run is in CONTRIBUTING.md', () => {
  const contributing = readFileSync(path.join(root, 'CONTRIBUTING.md'), 'utf8')
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  // What "build" does every other command does first.
  for (const name of Object.keys(scripts).filter((each) => each !== 'build')) {
    const words = ['start', 'test'].includes(name) ? `npm ${name}` : `npm run ${name}`
    expect(contributing, words).toMatch(new RegExp(`\\| \`${words}[\` ]`))
  }
  const runner = readFileSync(path.join(root, 'scripts/test.mjs'), 'utf8')
  const suites = /^const suites = \{\n([\s\S]*?)^\}/m.exec(runner)![1]!
  for (const [, suite] of suites.matchAll(/^ {2}(\w+):/gm)) expect(contributing).toContain(`\`${suite}\``)
})
