/** Each published package, packed, installed without the others' sources into an empty project, checked and run. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const exec = promisify(execFile)
const root = path.resolve(import.meta.dirname, '..')

interface Manifest {
  name: string
  private?: boolean
  exports?: Record<string, unknown>
  bin?: Record<string, string>
  dependencies?: Record<string, string>
}

const manifests = new Map<string, Manifest>()
const folders = new Map<string, string>()
for (const folder of readdirSync(path.join(root, 'packages'))) {
  const manifest = JSON.parse(readFileSync(path.join(root, 'packages', folder, 'package.json'), 'utf8')) as Manifest
  manifests.set(manifest.name, manifest)
  folders.set(manifest.name, path.join(root, 'packages', folder))
}
const published = [...manifests.values()].filter((manifest) => !manifest.private)

const scratch = mkdtempSync(path.join(tmpdir(), 'wireweave-packed-'))
const tarballs = new Map<string, string>()
const contents = new Map<string, string[]>()

beforeAll(async () => {
  for (const { name } of published) {
    const { stdout } = await exec('npm', ['pack', '--json', '--pack-destination', scratch], { cwd: folders.get(name)! })
    const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[]
    contents.set(
      name,
      packed!.files.map((file) => file.path),
    )
    tarballs.set(name, path.join(scratch, packed!.filename))
  }
})

afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe.each(published)('$name', (manifest) => {
  const project = path.join(scratch, manifest.name.replaceAll(/[@/]/g, '_'))

  test('is packed with its README and license, and with nothing but its code beside them', () => {
    const files = contents.get(manifest.name)!
    expect(files).toEqual(expect.arrayContaining(['README.md', 'LICENSE']))
    // `assembly` is what the WebAssembly in src was compiled from.
    expect(
      files.filter((file) => !/^(dist|src|assembly|systemd)\/|^(README\.md|LICENSE|package\.json)$/.test(file)),
    ).toEqual([])
  })

  test('installs into an empty project, with only the packages it depends on', async () => {
    mkdirSync(project)
    writeFileSync(path.join(project, 'package.json'), '{"private":true,"type":"module"}')
    const wanted = closure(manifest.name).map((name) => tarballs.get(name)!)
    await exec('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...wanted], { cwd: project })
    const scope = path.join(project, 'node_modules/@wireweave')
    const own = closure(manifest.name).filter((name) => name.startsWith('@wireweave/'))
    expect(own.length === 0 ? [] : readdirSync(scope).sort()).toEqual(own.map((name) => name.slice(11)).sort())
  })

  test('every export loads, and loads nothing native while at it', async () => {
    const specifiers = Object.keys(manifest.exports ?? {}).filter((key) => key !== './package.json')
    expect(specifiers.length).toBeGreaterThan(0)
    const lines = specifiers.map((key) => `await import('${manifest.name}${key.slice(1)}')`)
    // A .node file is mapped into the process when it is loaded: the process report lists it.
    const report = `const native = process.report.getReport().sharedObjects.filter((file) => file.endsWith('.node'))`
    const script = [...lines, report, 'if (native.length > 0) throw new Error(native.join())'].join('\n')
    await exec(process.execPath, ['--input-type=module', '-e', script], { cwd: project })
  })

  test('its types hold without the DOM library and its README example compiles', async () => {
    const example = readmeExample(manifest.name)
    writeFileSync(path.join(project, 'example.ts'), example.code)
    const specifiers = Object.keys(manifest.exports ?? {}).filter((key) => key !== './package.json')
    const imports = specifiers.map((key, i) => `export * as e${i} from '${manifest.name}${key.slice(1)}'`)
    writeFileSync(path.join(project, 'all.ts'), imports.join('\n'))
    const compilerOptions = {
      ...{ target: 'ES2022', module: 'NodeNext', strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false },
      ...{ lib: ['ES2023', 'ESNext.Disposable'], types: ['node'], typeRoots: [path.join(root, 'node_modules/@types')] },
      outDir: 'out',
    }
    writeFileSync(
      path.join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['example.ts', 'all.ts'] }),
    )
    await run(path.join(root, 'node_modules/.bin/tsc'), ['-p', '.'], project)
    if (!example.runs) return
    await run(process.execPath, ['out/example.js'], project)
  })

  if (manifest.bin) {
    test('its commands start and explain themselves', async () => {
      for (const name of Object.keys(manifest.bin!)) {
        const bin = path.join(project, 'node_modules/.bin', name)
        expect((await run(bin, ['--help'], project)).length, name).toBeGreaterThan(50)
        expect(await run(bin, ['--version'], project), name).toContain('0.1.0')
      }
    })
  }
})

/** The package and all it depends on in this repository. */
function closure(name: string, seen: Set<string> = new Set()): string[] {
  seen.add(name)
  for (const dependency of Object.keys(manifests.get(name)?.dependencies ?? {}))
    if (manifests.has(dependency) && !seen.has(dependency)) closure(dependency, seen)
  return [...seen]
}

/** The first fenced block of TypeScript; it is also run when the fence says so: ```ts run */
function readmeExample(name: string): { code: string; runs: boolean } {
  const readme = readFileSync(path.join(folders.get(name)!, 'README.md'), 'utf8')
  const match = /^```ts( run)?\n([\s\S]*?)^```/m.exec(readme)
  expect(match, `${name}: README.md has no \`\`\`ts block`).not.toBeNull()
  return { code: match![2]!, runs: match![1] !== undefined }
}

/** Runs a program; when it fails the error shows what it printed. */
async function run(file: string, args: string[], cwd: string): Promise<string> {
  try {
    const { stdout, stderr } = await exec(file, args, { cwd, timeout: 200_000 })
    return stdout + stderr
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${path.basename(file)} ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error })
  }
}
