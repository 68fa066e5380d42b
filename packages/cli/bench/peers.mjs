#!/usr/bin/env node
/**
 * `node packages/cli/bench/peers.mjs [peers]`: how long commands take with many peers (20 000 when absent), and how much
 * memory, `wg` beside ours. Needs root, Linux, `unshare` and the built packages; works in namespaces of its own.
 */
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const NAME = 'bench0'
const INSIDE = 'WIREWEAVE_BENCH_INSIDE'
const bin = (name) => fileURLToPath(new URL(`../dist/bin/${name}.js`, import.meta.url))
const peers = Number(process.argv[2] ?? 20_000)

if (process.env[INSIDE] === undefined) {
  const setUp = 'mount --make-rprivate / && mount -t tmpfs tmpfs /run && exec "$@"'
  const self = [process.execPath, fileURLToPath(import.meta.url), String(peers)]
  const args = ['--mount', '--net', 'sh', '-c', setUp, 'sh', ...self]
  process.exit(spawnSync('unshare', args, { stdio: 'inherit', env: { ...process.env, [INSIDE]: '1' } }).status ?? 1)
}

const folder = mkdtempSync(path.join(tmpdir(), 'wireweave-peers-'))
const daemon = spawn(process.execPath, [bin('wireweave-daemon'), '--foreground', NAME], { stdio: 'inherit' })
try {
  for (let look = 0; !existsSync(`/run/wireguard/${NAME}.sock`) && look < 200; look++) await sleep(50)
  const key = () => randomBytes(32).toString('base64')
  const sections = Array.from({ length: peers }, (_, i) =>
    [
      '[Peer]',
      `PublicKey = ${key()}`,
      `PresharedKey = ${key()}`,
      `AllowedIPs = 10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32, fd00::${(i >> 8).toString(16)}:${(i & 255).toString(16)}/128`,
      `Endpoint = 192.0.2.1:${1024 + (i % 60_000)}`,
      'PersistentKeepalive = 25\n',
    ].join('\n'),
  )
  const head = `[Interface]\nPrivateKey = ${key()}\nListenPort = 51820\n`
  const [all, changed] = [path.join(folder, 'all.conf'), path.join(folder, 'changed.conf')]
  writeFileSync(all, head + sections.join(''))
  writeFileSync(changed, head + [...sections.slice(0, -1), sections.at(-1).replace('= 25', '= 26')].join(''))

  console.log(`${peers} peers, Node ${process.version}`)
  console.log('command'.padEnd(28) + 'wireweave'.padStart(22) + 'wg'.padStart(12))
  for (const words of [
    ['setconf', NAME, all],
    ['show', NAME],
    ['show', NAME, 'dump'],
    ['syncconf', NAME, changed],
  ]) {
    // Each finds the same to do.
    if (words[2] === changed) run('wg', ['syncconf', NAME, all])
    const ours = run(process.execPath, ['--import', reportMemory(), bin('wireweave'), ...words])
    if (words[2] === changed) run('wg', ['syncconf', NAME, all])
    const theirs = run('wg', words)
    const shown = words.map((word) => path.basename(word)).join(' ')
    console.log(
      shown.padEnd(28) +
        `${ours.seconds.toFixed(2)} s, ${ours.mebibytes} MiB`.padStart(22) +
        `${theirs.seconds.toFixed(2)} s`.padStart(12),
    )
    if (ours.stdout !== theirs.stdout) console.log('  the outputs differ')
  }
  const json = run(process.execPath, ['--import', reportMemory(), bin('wireweave'), 'show', NAME, '--json'])
  console.log(`show ${NAME} --json`.padEnd(28) + `${json.seconds.toFixed(2)} s, ${json.mebibytes} MiB`.padStart(22))
} finally {
  daemon.kill()
  rmSync(folder, { recursive: true })
}

function reportMemory() {
  const code = 'process.on("exit", () => process._rawDebug(`memory ${process.resourceUsage().maxRSS}`))'
  return `data:text/javascript,${encodeURIComponent(code)}`
}

function run(file, args) {
  const start = performance.now()
  const options = { encoding: 'utf8', maxBuffer: 1024 ** 3, timeout: 120_000 }
  const { status, stdout, stderr } = spawnSync(file, args, options)
  const seconds = (performance.now() - start) / 1000
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}: exit code ${status}\n${stderr}`)
  const memory = /memory (\d+)/.exec(stderr)
  return { seconds, stdout, mebibytes: memory === null ? null : Math.round(Number(memory[1]) / 1024) }
}
