#!/usr/bin/env node
/**
 * How long `wireweave up`, a reload and `down` take with many peers, and how much memory the process has. Needs root, the
 * built program and wg; works in namespaces of its own.
 *
 *   node packages/cli/scripts/many-peers.mjs [peers, 20000 when absent] [--routes]
 *
 * With --routes every peer has a network that needs a route of its own.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../dist/bin/wireweave.js', import.meta.url))
const self = fileURLToPath(import.meta.url)
const SETUP =
  'mount --make-rprivate / && mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/wireguard && ip link set lo up && exec "$@"'

if (process.env.WIREWEAVE_INSIDE !== '1') {
  const args = ['--mount', '--net', '--pid', '--fork', '--mount-proc', '--kill-child', 'sh', '-c', SETUP, 'sh']
  const { status } = spawnSync('unshare', [...args, process.execPath, self, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, WIREWEAVE_INSIDE: '1' },
  })
  process.exit(status ?? 1)
}

const peers = Number(process.argv.slice(2).find((word) => /^[0-9]+$/.test(word)) ?? 20_000)
const hasRoutes = process.argv.includes('--routes')
const file = '/run/many.conf'

/** Peers of a file, as text; `changed` is one whose addresses differ. */
function text(changed) {
  const lines = ['[Interface]', `PrivateKey = ${key(0)}`, 'Address = 10.0.0.1/8', '']
  for (let i = 1; i <= peers; i++) {
    const host = `${hasRoutes ? 11 : 10}.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`
    const more = i === changed ? ', 172.16.0.1/32' : ''
    lines.push(
      '[Peer]',
      `PublicKey = ${key(i)}`,
      `AllowedIPs = ${host}${more}`,
      `Endpoint = 127.0.0.1:${1 + (i % 60_000)}`,
    )
  }
  return `${lines.join('\n')}\n`
}

const keys = []
function key(i) {
  return (keys[i] ??= randomBytes(32).toString('base64'))
}

function timed(label, work) {
  const start = performance.now()
  const result = work()
  console.log(`${label.padEnd(34)}${((performance.now() - start) / 1000).toFixed(2).padStart(8)} s`)
  return result
}

const wireweave = (...words) =>
  execFileSync(process.execPath, [program, ...words], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 28,
  })
const wg = (...words) => execFileSync('wg', words, { encoding: 'utf8', maxBuffer: 1 << 28 })
const megabytes = (pid, field) =>
  Math.round(
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024,
  )

console.log(`${peers} peers${hasRoutes ? ', each with a route' : ''}\n`)
writeFileSync(file, text(-1), { mode: 0o600 })
timed('check', () => spawnSync(process.execPath, [program, 'check', file]))
const { pid } = JSON.parse(timed('up', () => wireweave('up', file, '--userspace', '--json')))
console.log(`${'memory, at most and now'.padEnd(34)}${megabytes(pid, 'VmHWM')} MB, ${megabytes(pid, 'VmRSS')} MB`)
const shown = timed('wg show dump', () => wg('show', 'many', 'dump')).split('\n').length - 2
if (shown !== peers) throw new Error(`${shown} peers are there`)
timed('status', () => wireweave('status', 'many'))
writeFileSync(file, text(7), { mode: 0o600 })
timed('reload (SIGHUP) of one change', () => {
  process.kill(pid, 'SIGHUP')
  while (!wg('show', 'many', 'allowed-ips').includes('172.16.0.1/32')) spawnSync('sleep', ['0.05'])
})
console.log(`${'memory, at most and now'.padEnd(34)}${megabytes(pid, 'VmHWM')} MB, ${megabytes(pid, 'VmRSS')} MB`)
timed('add-peer', () => wireweave('add-peer', file, 'one more', '--endpoint', 'localhost', '-o', '/run/client.conf'))
timed('save', () => wireweave('save', file))
timed('down', () => wireweave('down', file))
