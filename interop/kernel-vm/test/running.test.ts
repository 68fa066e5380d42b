/** Interfaces of the kernel that somebody else made: shown and changed as `wg` does it. Runs inside the virtual machine. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listInterfaces, openInterface } from 'wireweave/interfaces'

const [NAME, OTHER] = ['wwr0', 'wwr1'] as const
const runner = fileURLToPath(new URL('../../rig/both.mjs', import.meta.url))
const sh = (line: string): string => execFileSync('sh', ['-c', line], { encoding: 'utf8' })
const [one, two] = [sh('wg genkey | wg pubkey').trim(), sh('wg genkey | wg pubkey').trim()] as const

const SHOWS = [
  ['show', NAME],
  ['show', NAME, 'dump'],
  ['showconf', NAME],
  ['show', 'lo'],
]
const CHANGES = [
  ['set', 'IF', 'peer', one, 'allowed-ips', '10.3.0.0/16', 'peer', two, 'remove'],
  ['set', 'IF', 'fwmark', 'off', 'private-key', '/dev/null'],
  ['syncconf', 'IF', 'CHANGED'],
]

interface Done {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly dump?: readonly string[]
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'wireweave-'))
  for (const name of [NAME, OTHER]) sh(`ip link add ${name} type wireguard`)
  const conf = `[Interface]
PrivateKey = ${sh('wg genkey').trim()}
ListenPort = 4711
FwMark = 0x10
[Peer]
PublicKey = ${one}
PresharedKey = ${sh('wg genpsk').trim()}
Endpoint = [2001:db8::1]:1
PersistentKeepalive = 25
AllowedIPs = 10.1.0.0/16, fd01::/64
[Peer]
PublicKey = ${two}
AllowedIPs = 10.2.0.0/16
`
  writeFileSync(path.join(folder, 'base.conf'), conf)
  writeFileSync(path.join(folder, 'changed.conf'), conf.replace('= 25', '= 26').replace('10.1.0.0', '10.4.0.0'))
  sh(`wg setconf ${NAME} ${folder}/base.conf`)
})
afterAll(() => {
  for (const name of [NAME, OTHER]) sh(`ip link delete ${name}`)
  rmSync(folder, { recursive: true })
})

test('the list has it, and the kernel serves it', async () => {
  expect(await listInterfaces()).toContain(NAME)
  expect((await openInterface(NAME)).servedBy).toBe('kernel')
  await expect(openInterface('lo')).rejects.toMatchObject({ code: 'NO_SUCH_INTERFACE' })
})

test('one prefix can be taken away and another be added', async () => {
  const running = await openInterface(NAME)
  const [peer] = (await running.snapshot()).peers.filter(({ hasPresharedKey }) => hasPresharedKey)
  const { publicKey, allowedIps } = peer!
  const [first] = allowedIps
  await running.apply({ peers: [{ publicKey, allowedIps: [{ ...first!, remove: true }] }] })
  expect(sh(`wg show ${NAME} allowed-ips`).split('\n')[0]!.split(' ')).toHaveLength(1)
  await running.apply({ peers: [{ publicKey, allowedIps: [first!] }] })
  expect(sh(`wg show ${NAME} allowed-ips`).split('\n')[0]!.split(' ')).toHaveLength(2)
})

test('wg and wireweave print and do the same', () => {
  const base = path.join(folder, 'base.conf')
  const words = CHANGES.map((args) => args.map((word) => (word === 'CHANGED' ? `${folder}/changed.conf` : word)))
  const job = {
    folder,
    devices: [NAME, OTHER],
    fakes: {},
    shows: SHOWS.map((args) => ({ args })),
    // Only one of two interfaces can have the port while both are up; these are down.
    changes: words.map((args) => ({ args, base })),
  }
  execFileSync('sh', ['-c', 'exec "$0" "$1" >>"$2/out" 2>>"$2/err"', process.execPath, runner, folder], {
    input: JSON.stringify(job),
  })
  const results = JSON.parse(readFileSync(path.join(folder, 'results.json'), 'utf8')) as { theirs: Done; ours: Done }[]
  expect(results).toHaveLength(SHOWS.length + CHANGES.length)
  for (const [i, { theirs, ours }] of results.entries()) {
    const line = [...SHOWS, ...CHANGES][i]!.join(' ')
    expect([line, ours.code, ours.stdout, ours.dump]).toEqual([line, theirs.code, theirs.stdout, theirs.dump])
  }
  expect(results[SHOWS.length - 1]!.ours.stderr).toMatch(/^wireweave: Unable to access interface lo: No such device\. /)
})
