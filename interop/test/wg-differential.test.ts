/** The same command lines by the real `wg` and by `wireweave`: the same output, exit code and effect. */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ours, startDaemon } from '../rig/implementations.js'
import { generateKeyPair, generatePresharedKey } from '../rig/keys.js'
import { Lab } from '../rig/lab.js'
import { describeWith } from '../rig/needs.js'

const RUNNER = fileURLToPath(new URL('../rig/both.mjs', import.meta.url))
const DEVICES = ['dfa', 'dfb'] as const

interface Done {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** Of a change: lines of `wg show dump` afterwards, sorted. */
  readonly dump?: readonly string[]
}

interface Pair {
  readonly theirs: Done
  readonly ours: Done
}

const [one, two, three, fresh] = Array.from({ length: 4 }, () => generateKeyPair().publicKey) as [
  string,
  string,
  string,
  string,
]
const hex = (key: string): string => Buffer.from(key, 'base64').toString('hex')
const now = Math.floor(Date.now() / 1000)

/** Answers of daemons to `get`, chosen for what `wg` makes of them. */
const FAKES: Readonly<Record<string, string>> = {
  fkfull: [
    `private_key=${hex(generateKeyPair().privateKey)}`,
    'listen_port=12912',
    'fwmark=51820',
    `public_key=${hex(one)}`,
    `preshared_key=${hex(generatePresharedKey())}`,
    'protocol_version=1',
    'endpoint=[fe80::1%1]:99',
    `last_handshake_time_sec=${now - 61}`,
    'last_handshake_time_nsec=5',
    'tx_bytes=38333252',
    'rx_bytes=2224',
    'persistent_keepalive_interval=111',
    'allowed_ip=192.168.4.4/32',
    'allowed_ip=fd00::/8',
    'something_new=1',
    `public_key=${hex(two)}`,
    `preshared_key=${'0'.repeat(64)}`,
    'last_handshake_time_sec=0',
    'last_handshake_time_nsec=0',
    'tx_bytes=0',
    'rx_bytes=0',
    'persistent_keepalive_interval=0',
    `public_key=${hex(three)}`,
    'endpoint=[2001:db8::1]:1',
    `last_handshake_time_sec=${now - 400 * 86_400 - 7322}`,
    'last_handshake_time_nsec=0',
    'tx_bytes=1023',
    'rx_bytes=9999999999999999',
    'persistent_keepalive_interval=65535',
    `public_key=${hex(fresh)}`,
    'endpoint=192.0.2.1:65535',
    `last_handshake_time_sec=${now + 100_000}`,
    'rx_bytes=1024',
    'tx_bytes=1048575',
    'persistent_keepalive_interval=3600',
    'allowed_ip=0.0.0.0/0',
    'allowed_ip=::/0',
    'errno=0\n\n',
  ].join('\n'),
  fkempty: 'errno=0\n\n',
  fkdenied: 'errno=13\n\n',
  fkgarbage: 'garbage\n\n',
  fkshort: 'listen_port=1\n',
  fkport: 'listen_port=70000\nerrno=0\n\n',
  fkclosed: '',
}

const FIELDS =
  'public-key private-key listen-port fwmark peers preshared-keys endpoints allowed-ips latest-handshakes transfer persistent-keepalive dump'.split(
    ' ',
  )

const SHOWS: readonly { readonly line: string; readonly env?: NodeJS.ProcessEnv }[] = [
  ...FIELDS.map((field) => ({ line: `show fkfull ${field}` })),
  ...['dump', 'allowed-ips', 'fwmark', 'listen-port', 'private-key'].map((field) => ({
    line: `show fkempty ${field}`,
  })),
  { line: 'show' },
  { line: 'show all' },
  { line: 'show interfaces' },
  { line: 'show all dump' },
  { line: 'show all transfer' },
  { line: 'show fkfull' },
  { line: 'show fkempty' },
  { line: 'show dfa' },
  { line: 'show dfa dump' },
  { line: 'show fkfull', env: { WG_COLOR_MODE: 'always' } },
  { line: 'show all', env: { WG_COLOR_MODE: 'always', WG_HIDE_KEYS: 'never' } },
  { line: 'show fkfull', env: { WG_HIDE_KEYS: 'never' } },
  { line: 'show fkfull', env: { WG_HIDE_KEYS: 'always', WG_COLOR_MODE: 'never' } },
  { line: 'showconf fkfull' },
  { line: 'showconf fkempty' },
  { line: 'showconf dfa' },
  { line: 'show fkdenied' },
  { line: 'show fkgarbage' },
  { line: 'show fkshort dump' },
  { line: 'show fkport' },
  { line: 'show fkclosed' },
  { line: 'showconf fkdenied' },
  { line: 'show fkfull bogus' },
  { line: 'show fkfull dump more' },
  { line: 'show interfaces dump' },
  { line: 'show ../dfa' },
  { line: 'showconf' },
  { line: 'set fkfull' },
]

/** `IF` stands for the device; words of a list so that an empty one is possible. */
const changes = (folder: string): readonly (readonly string[])[] => [
  ['set', 'IF', 'listen-port', '5555'],
  ['set', 'IF', 'fwmark', '0xff'],
  ['set', 'IF', 'fwmark', 'off', 'listen-port', '5556'],
  ['set', 'IF', 'private-key', `${folder}/private.key`],
  ['set', 'IF', 'private-key', '/dev/null'],
  ['set', 'IF', 'private-key', `${folder}/empty`],
  ['set', 'IF', 'peer', fresh],
  [
    ...['set', 'IF', 'peer', fresh, 'preshared-key', `${folder}/preshared.key`, 'endpoint', '192.0.2.9:9'],
    ...['persistent-keepalive', '25', 'allowed-ips', '10.9.0.0/16,fd09::1/64,10.10.1.2/24'],
  ],
  ['set', 'IF', 'peer', one, 'remove'],
  ['set', 'IF', 'peer', fresh, 'remove'],
  ['set', 'IF', 'peer', one, 'allowed-ips', ''],
  ['set', 'IF', 'peer', one, 'allowed-ips', '10.2.0.0/16'],
  ['set', 'IF', 'peer', one, 'preshared-key', '/dev/null', 'persistent-keepalive', 'off'],
  ['set', 'IF', 'peer', one, 'endpoint', '[2001:db8::7]:77', 'peer', two, 'remove', 'peer', fresh],
  ['set', 'IF', 'peer', one, 'endpoint', 'localhost:7'],
  ['set', 'IF', 'peer', one, 'remove', 'peer', one, 'allowed-ips', '10.7.0.0/16'],
  ['setconf', 'IF', `${folder}/other.conf`],
  ['setconf', 'IF', `${folder}/no-key.conf`],
  ['setconf', 'IF', `${folder}/untidy.conf`],
  ['addconf', 'IF', `${folder}/add.conf`],
  ['addconf', 'IF', `${folder}/no-key.conf`],
  ['syncconf', 'IF', `${folder}/base.conf`],
  ['syncconf', 'IF', `${folder}/other.conf`],
  ['syncconf', 'IF', `${folder}/no-peers.conf`],
  ['set', 'IF', 'peer', 'abc'],
  // wg takes 70000 for 4464, modulo 65536; we do not.
  ['set', 'IF', 'listen-port', '-1'],
  ['set', 'IF', 'listen-port'],
  ['set', 'IF', 'bogus', '1'],
  ['set', 'IF', 'fwmark', '0x1ffffffff'],
  ['set', 'IF', 'persistent-keepalive', '1'],
  ['set', 'IF', 'peer', one, 'persistent-keepalive', '65536'],
  ['set', 'IF', 'peer', one, 'allowed-ips', '10.0.0.0/33'],
  ['set', 'IF', 'peer', one, 'endpoint', 'nowhere'],
  ['set', 'IF', 'peer', one, 'listen-port', '5'],
  ['set', 'IF', 'private-key', `${folder}/missing`],
  ['set', 'IF', 'private-key', `${folder}/bad.key`],
  ['set', 'IF', 'fwmark', '7', 'peer', one, 'preshared-key', `${folder}/bad.key`],
  ['setconf', 'IF', `${folder}/quick.conf`],
  ['setconf', 'IF', `${folder}/nameless.conf`],
  ['syncconf', 'IF', `${folder}/missing`],
  ['addconf', 'IF', `${folder}/other.conf`, 'more'],
]

describeWith('wireweave and wg', [ours.need], () => {
  let lab: Lab
  let results: readonly Pair[]
  let lines: readonly (readonly string[])[]

  beforeAll(async () => {
    lab = await Lab.open()
    // Each in a network of its own, so that both can have the same port.
    const hosts = await Promise.all(DEVICES.map((name) => lab.host(name)))
    for (const [i, name] of DEVICES.entries()) await startDaemon(ours, hosts[i]!, name)
    lines = changes(lab.folder)
    writeFiles(lab.folder)
    const base = path.join(lab.folder, 'base.conf')
    const job = {
      folder: lab.folder,
      devices: DEVICES,
      fakes: FAKES,
      // Every third by the program itself; the others share one process, because starting takes most of the time.
      shows: SHOWS.map(({ line, env }, i) => ({ args: line.split(' '), env, byProgram: i % 3 === 0 })),
      changes: lines.map((args, i) => ({ args, base, byProgram: i % 3 === 0 })),
    }
    await hosts[0]!.run('wg', ['setconf', 'dfa', base])
    const script = 'exec "$1" "$2" >>"$3/out" 2>>"$3/err"'
    await hosts[0]!.run('sh', ['-c', script, 'sh', process.execPath, RUNNER, lab.folder], {
      input: JSON.stringify(job),
      seconds: 300,
    })
    results = JSON.parse(readFileSync(path.join(lab.folder, 'results.json'), 'utf8')) as Pair[]
  }, 600_000)
  afterAll(() => lab?.close())

  test.each(SHOWS.map(({ line, env }, i) => [`${Object.entries(env ?? {}).join(' ')} ${line}`.trim(), i] as const))(
    '%s',
    (_, i) => {
      const { theirs, ours: mine } = results[i]!
      expect(mine.stdout).toBe(theirs.stdout)
      expect(mine.code).toBe(theirs.code)
      expectSameComplaints(mine, theirs)
    },
  )

  test.each(changes('…').map((words, i) => [words.join(' '), i] as const))('%s', (_, i) => {
    const { theirs, ours: mine } = results[SHOWS.length + i]!
    expect(mine.code).toBe(theirs.code)
    expect(mine.stdout).toBe(theirs.stdout)
    expect(mine.dump).toEqual(theirs.dump)
    // On success `wg` may still warn of host bits in an allowed IP.
    if (theirs.code !== 0) expectSameComplaints(mine, theirs)
  })

  test('at least 60 command lines were compared, a third of them run by the program itself', () => {
    expect(results.length).toBe(SHOWS.length + lines.length)
    expect(results.length).toBeGreaterThanOrEqual(60)
  })
})

const REASON = /No such device|Permission denied|Protocol error|Operation not permitted/

/** Both complain or neither does, of the same interfaces for the same reasons. Ours say more, and never show a stack. */
function expectSameComplaints(mine: Done, theirs: Done): void {
  expect(mine.stderr === '').toBe(theirs.stderr === '')
  expect(mine.stderr).not.toMatch(/\n\s+at /)
  const complaints = ({ stderr }: Done): string[] =>
    stderr.split('\n').flatMap((line) => {
      const reason = /Unable to access interface/.test(line) ? REASON.exec(line)?.[0] : undefined
      return reason === undefined ? [] : [reason]
    })
  expect(complaints(mine)).toEqual(complaints(theirs).length === 0 ? complaints(mine) : complaints(theirs))
}

function writeFiles(folder: string): void {
  const write = (name: string, ...text: string[]): void =>
    writeFileSync(path.join(folder, name), text.map((line) => `${line}\n`).join(''), { mode: 0o600 })
  const device = ['[Interface]', `PrivateKey = ${generateKeyPair().privateKey}`, 'ListenPort = 4711', 'FwMark = 0x10']
  const presharedKey = generatePresharedKey()
  const peer = (publicKey: string, ...more: string[]): string[] => ['[Peer]', `PublicKey = ${publicKey}`, ...more]
  write('private.key', generateKeyPair().privateKey)
  write('preshared.key', `${generatePresharedKey()} `, '')
  write('bad.key', 'AAAA')
  write('empty')
  write(
    'base.conf',
    ...device,
    ...peer(one, `PresharedKey = ${presharedKey}`, 'AllowedIPs = 10.1.0.0/16, fd01::/64', 'PersistentKeepalive = 25'),
    ...peer(two, 'AllowedIPs = 10.2.0.0/16', 'Endpoint = 192.0.2.2:2'),
    ...peer(three, 'Endpoint = [2001:db8::3]:3'),
  )
  write(
    'other.conf',
    ...device,
    ...peer(two, 'AllowedIPs = 10.1.0.0/16', 'AllowedIPs = 10.3.0.0/16', 'PersistentKeepalive = 5'),
    ...peer(three, `PresharedKey = ${presharedKey}`, 'Endpoint = [2001:db8::33]:33'),
    ...peer(fresh, 'AllowedIPs = 10.2.0.0/16'),
  )
  write('no-key.conf', '[Interface]', 'ListenPort = 4711', ...peer(one, 'AllowedIPs = 10.5.0.0/16'))
  write('no-peers.conf', ...device)
  write('add.conf', ...peer(fresh, 'AllowedIPs = 10.1.0.0/16'), '[Interface]', 'FwMark = off')
  write(
    'untidy.conf',
    '# a comment',
    '  [interface]  # another',
    `privatekey=${generateKeyPair().privateKey}# with no space`,
    'LISTENPORT = 4 7 1 1',
    '',
    '[ PEER ]',
    `PublicKey = ${fresh}`,
    'allowedips = 10.1.2.3 , fd00::1/ 64',
    'PersistentKeepalive = off',
  )
  write('quick.conf', ...device, 'Address = 10.0.0.1/24')
  write('nameless.conf', ...device, '[Peer]', 'AllowedIPs = 10.0.0.0/8')
}
