/** Fails on an import that design forbids: which package may use which, and what the pure core may name. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { root } from './lib/prepare.mjs'

/** Left may import right. `~` marks what may only be imported lazily, with `import()`; types may be named anywhere. */
const arrows = {
  tunnel: [],
  crypto: ['@noble/curves', '@noble/ciphers', '@noble/hashes'],
  noise: ['crypto'],
  device: ['noise', 'crypto', 'tunnel', 'ffi'],
  config: ['tunnel'],
  ffi: ['koffi'],
  netlink: ['ffi'],
  'host-net': ['tunnel', 'netlink', 'ffi'],
  'adapter-linux-tun': ['tunnel', 'netlink', 'ffi'],
  'adapter-linux-wg': ['tunnel', 'netlink', 'ffi'],
  'adapter-wgnt': ['tunnel', 'ffi'],
  'adapter-wintun': ['tunnel', 'ffi'],
  'adapter-netstack': ['tunnel', 'undici', 'dns-packet'],
  wireweave: [
    'device',
    'config',
    'tunnel',
    'host-net',
    '~adapter-linux-tun',
    '~adapter-linux-wg',
    '~adapter-netstack',
    '~adapter-wgnt',
    '~adapter-wintun',
  ],
  proxy: ['config', 'tunnel'],
  cli: ['wireweave', 'proxy', 'tunnel', 'config', 'crypto', 'ffi', 'commander', 'qrcode-generator'],
  testkit: ['tunnel', 'device', 'noise', 'crypto', 'config', 'vitest', 'fast-check'],
}

/** Where `node:*` may be named, by path prefix. Everywhere else in these packages it may not. */
const nodeAllowed = {
  tunnel: [],
  noise: [],
  config: [],
  crypto: ['node.ts', 'parallel.ts', 'internal/sealing-worker.ts'],
  device: ['shell/', 'userspace-backend.ts'],
  'adapter-netstack': ['node/'],
}

/** The part of a package that knows koffi's home. */
const ffiAllowed = { device: ['shell/'] }

const IMPORT =
  /(?:^|[\s;])(?:import|export)\s(?:[^'"]*?\sfrom\s)?['"]([^'"]+)['"]|(?<lazy>\bimport)\(\s*['"]([^'"]+)['"]\s*\)/gm

const problems = []
for (const name of readdirSync(path.join(root, 'packages'))) {
  const allowed = arrows[name]
  if (allowed === undefined) {
    problems.push(`packages/${name} has no row in scripts/check-arrows.mjs`)
    continue
  }
  const source = path.join(root, 'packages', name, 'src')
  for (const file of walk(source)) checkFile(name, allowed, path.relative(source, file), readFileSync(file, 'utf8'))
}

function checkFile(name, allowed, file, rawText) {
  const text = rawText.replaceAll(/\/\*[\s\S]*?\*\//g, '')
  for (const match of text.matchAll(IMPORT)) {
    const lazy = match.groups?.lazy !== undefined
    const specifier = match[1] ?? match[3]
    const complain = (why) => problems.push(`packages/${name}/src/${file} imports ${specifier}: ${why}`)
    if (specifier.startsWith('.')) continue
    if (specifier.startsWith('node:')) {
      const places = nodeAllowed[name]
      if (places !== undefined && !places.some((place) => file.startsWith(place)))
        complain('this part runs in any runtime')
      continue
    }
    const target = packageOf(specifier)
    const rule = allowed.find((entry) => entry.replace('~', '') === target)
    if (rule === undefined) complain('no such arrow in ARCHITECTURE.md')
    else if (rule.startsWith('~') && !lazy && !/^\W*(im|ex)port\s+type\s/.test(match[0]))
      complain('only by a lazy import()')
    if (target === 'ffi' && ffiAllowed[name] && !ffiAllowed[name].some((place) => file.startsWith(place)))
      complain('only the shell may use ffi')
  }
}

function packageOf(specifier) {
  const parts = specifier.split('/')
  if (parts[0] === '@wireweave') return parts[1]
  return specifier.startsWith('@') ? `${parts[0]}/${parts[1]}` : parts[0]
}

function* walk(folder) {
  for (const entry of readdirSync(folder)) {
    const full = path.join(folder, entry)
    if (statSync(full).isDirectory()) yield* walk(full)
    else if (entry.endsWith('.ts')) yield full
  }
}

for (const problem of problems) console.error(problem)
if (problems.length === 0) console.log('every import follows an arrow')
process.exitCode = problems.length === 0 ? 0 : 1
