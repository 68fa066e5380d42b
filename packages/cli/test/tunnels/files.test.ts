/** Commands that work with files alone, through the program. */
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseConf } from '@wireweave/config/conf'
import { lintConf } from '@wireweave/config/conf-lint'
import { formatIp, formatPrefix } from '@wireweave/tunnel/ip'
import { formatKey } from '@wireweave/tunnel/keys'
import { beforeAll, describe, expect, test } from 'vitest'
import { publicKeyOf } from '../../src/internal/tunnels/new-keys.js'
import { shapes } from '../support/documented-json.js'
import { buildPrograms, runProgram } from '../support/programs.js'
import { temporaryFolder } from '../support/temporary-folder.js'

beforeAll(() => buildPrograms({ files: 'src/bin/wireweave.ts' }))

const wireweave = (...args: string[]) => runProgram('files', args, '', { ...process.env, WG_COLOR_MODE: 'never' })
const read = (file: string) => parseConf(readFileSync(file, 'utf8'), file)
const KEY = 'yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk='
const PEER = 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg='

function file(text: string, name = 'wg0.conf', mode = 0o600): string {
  const target = path.join(temporaryFolder(), name)
  writeFileSync(target, text)
  chmodSync(target, mode)
  return target
}

describe('check', () => {
  const good = `[Interface]\nPrivateKey = ${KEY}\nAddress = 10.0.0.1/24\n[Peer]\nPublicKey = ${PEER}\nAllowedIPs = 10.0.0.2/32\n`

  test('a good file', async () => {
    const result = await wireweave('check', file(good))
    expect(result).toEqual({ code: 0, stdout: '1 file: nothing to complain about\n', stderr: '' })
  })

  test('a mistake has file, line, key, reason and remedy, and exit code 1', async () => {
    const target = file(`${good}MTU = x\n`.replace('[Peer]', 'MTU = x\n[Peer]').replace(/MTU = x\n$/, ''))
    const { code, stdout } = await wireweave('check', target)
    expect(code).toBe(1)
    expect(stdout).toMatch(/^\/.*wg0\.conf:4: error: MTU: "x" is not .*\n1 file: 1 error\n$/)
  })

  test('warnings fail with --strict alone; --quiet shows errors alone; a readable key is a warning', async () => {
    const target = file(good, 'wg0.conf', 0o644)
    expect((await wireweave('check', target)).stdout).toContain('wg0.conf: warning: everybody on this machine')
    expect((await wireweave('check', target)).code).toBe(0)
    expect((await wireweave('check', '--strict', target)).code).toBe(1)
    expect(await wireweave('check', '--quiet', target)).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  test('--json has a list of files with their problems', async () => {
    const bad = file('[Interface]\nPrivatKey = x\n', 'a name that is too long.conf')
    const { code, stdout } = await wireweave('check', '--json', file(good), bad, '/no/such.conf')
    const [first, second, third] = JSON.parse(stdout) as { file: string; problems: { rule: string; line: number }[] }[]
    expect(code).toBe(1)
    expect(first!.problems).toEqual([])
    expect(second!.problems.map(({ rule }) => rule)).toEqual(expect.arrayContaining(['file-name', 'unknown-key']))
    expect(third).toMatchObject({ file: '/no/such.conf', problems: [{ rule: 'unreadable', severity: 'error' }] })
  })

  test('standard input, and our own key as a peer', async () => {
    const own = formatKey(publicKeyOf(parseConf(good, '').device.privateKey!))
    const { stdout } = await runProgram('files', ['check', '-'], good.replace(PEER, own))
    expect(stdout).toMatch(/^standard input:4: warning: PublicKey: it is the key of this interface itself/)
  })
})

test('strip leaves out what only wg-quick knows', async () => {
  const target = file(
    `[Interface]\nPrivateKey = ${KEY}\nAddress = 10.0.0.1/24\nPostUp = x\n[Peer]\nPublicKey = ${PEER}\n`,
  )
  const { stdout } = await wireweave('strip', target)
  expect(stdout).toBe(`[Interface]\nPrivateKey = ${KEY}\n[Peer]\nPublicKey = ${PEER}\n\n`)
})

describe('init and add-peer', () => {
  async function server(...flags: string[]): Promise<string> {
    const target = path.join(temporaryFolder(), 'srv.conf')
    const { code, stderr } = await wireweave('init', target, '--endpoint', 'vpn.example.org', ...flags)
    expect(code, stderr).toBe(0)
    return target
  }

  test('a server is a file for its owner alone, without mistakes; it is never overwritten', async () => {
    const target = await server('--listen-port', '4711')
    expect(statSync(target).mode & 0o777).toBe(0o600)
    expect(lintConf(readFileSync(target, 'utf8'), { mode: 0o600 })).toEqual([])
    const { device, quick } = read(target)
    expect(device.listenPort).toBe(4711)
    expect(quick.addresses.map(({ address, length }) => `${formatIp(address)}/${length}`).join()).toMatch(
      /^10\.\d+\.\d+\.1\/24,fd[0-9a-f:]+::1\/64$/,
    )
    const again = await wireweave('init', target)
    expect(again).toMatchObject({
      code: 1,
      stderr: `wireweave: ${target} exists already. Choose another name, or remove it.\n`,
    })
  })

  test('a server that nobody could reach is not made', async () => {
    const target = path.join(temporaryFolder(), 'srv.conf')
    for (const endpoint of ['https://vpn.example.org', 'vpn.example.org:99999', 'a b', '']) {
      const { code, stderr } = await wireweave('init', target, '--endpoint', endpoint)
      expect(code).toBe(1)
      expect(stderr).toMatch(/^wireweave: --endpoint: /)
    }
    expect(existsSync(target)).toBe(false)
  })

  test.each([
    ['--address', '10.0.0.300/24', /Address: .*10\.0\.0\.300/],
    ['--listen-port', '70000', /ListenPort/],
    ['--address', '10.0.0.1/24\nPostUp = evil', /--address must be one line/],
    ['--endpoint', 'a\nPostUp = evil', /--endpoint must be one line/],
  ])('%s %j is refused, and nothing is written', async (flag, value, message) => {
    const target = path.join(temporaryFolder(), 'srv.conf')
    const { code, stderr } = await wireweave('init', target, flag, value)
    expect(code).toBe(1)
    expect(stderr).toMatch(message)
    expect(existsSync(target)).toBe(false)
  })

  test('a client gets a free address, keys that fit, and what the server was told; comments of the server stay', async () => {
    const target = await server('--dns', '9.9.9.9', '--address', '10.1.0.1/24, fd01::1/64')
    writeFileSync(target, `# ours\n${readFileSync(target, 'utf8')}`)
    for (const name of ['phone', 'the laptop of Zoë']) {
      const { code, stderr } = await wireweave('add-peer', target, name)
      expect(code, stderr).toBe(0)
    }
    const { peers, device } = read(target)
    expect(readFileSync(target, 'utf8')).toMatch(/^# ours\n/)
    expect(peers.map(({ name }) => name)).toEqual(['phone', 'the laptop of Zoë'])
    expect(peers[1]!.allowedIps.map(formatPrefix)).toEqual(['10.1.0.3/32', 'fd01::3/128'])
    const clientFile = path.join(path.dirname(target), 'clients/srv/the-laptop-of-Z.conf')
    expect(statSync(clientFile).mode & 0o777).toBe(0o600)
    const client = read(clientFile)
    expect(formatKey(publicKeyOf(client.device.privateKey!))).toBe(formatKey(peers[1]!.publicKey))
    expect(formatKey(client.peers[0]!.publicKey)).toBe(formatKey(publicKeyOf(device.privateKey!)))
    expect(client.peers[0]!.presharedKey).toEqual(peers[1]!.presharedKey)
    expect(client.peers[0]).toMatchObject({
      endpoint: { host: 'vpn.example.org', port: 51820 },
      persistentKeepaliveInterval: 25,
    })
    expect(client.peers[0]!.allowedIps.map(formatPrefix)).toEqual(['10.1.0.0/24', 'fd01::/64'])
    expect(client.quick.dnsServers.map(formatIp)).toEqual(['9.9.9.9'])
  })

  test.runIf(process.platform === 'linux')('many at once lose no peer and give no address away twice', async () => {
    const target = await server()
    const names = ['a', 'b', 'c', 'd', 'e']
    const results = await Promise.all(names.map((name) => wireweave('add-peer', target, name)))
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0])
    const { peers } = read(target)
    expect(peers.map(({ name }) => name ?? '').toSorted((a, b) => a.localeCompare(b))).toEqual(names)
    expect(new Set(peers.flatMap(({ allowedIps }) => allowedIps.map(formatPrefix))).size).toBe(10)
  })

  test('no key is printed unless it was asked for', async () => {
    const target = await server()
    const quiet = await wireweave('add-peer', target, 'a', '--json')
    const made = JSON.parse(quiet.stdout) as { output: string; publicKey: string; applied: boolean; config?: string }
    const { device, peers } = read(made.output)
    const secrets = [device.privateKey!, peers[0]!.presharedKey!].map((key) => Buffer.from(key).toString('base64'))
    for (const secret of secrets) expect(quiet.stdout + quiet.stderr).not.toContain(secret)
    expect(made).toMatchObject({ applied: false, publicKey: formatKey(publicKeyOf(device.privateKey!)) })
    expect(made.config).toBeUndefined()
    const loud = await wireweave('add-peer', target, 'b', '--json', '--show-keys')
    expect((JSON.parse(loud.stdout) as { config: string }).config).toContain('PrivateKey = ')
  })

  test('a client with a key of its own completes its file itself', async () => {
    const target = await server()
    const { code } = await wireweave(
      'add-peer',
      target,
      'a',
      '--public-key',
      PEER,
      '--no-preshared-key',
      '--full-tunnel',
    )
    expect(code).toBe(0)
    const text = readFileSync(path.join(path.dirname(target), 'clients/srv/a.conf'), 'utf8')
    expect(text).toContain('# PrivateKey = # the private key of this device\n')
    expect(text).toContain('AllowedIPs = 0.0.0.0/0, ::/0\n')
    expect(text).not.toContain('PresharedKey')
    expect(formatKey(read(target).peers[0]!.publicKey)).toBe(PEER)
  })

  test('what it writes passes "check --strict", also when the server has IPv4 only', async () => {
    const target = path.join(temporaryFolder(), 'srv.conf')
    await wireweave('init', target, '--address', '10.1.0.1/24', '--endpoint', 'vpn.example.org')
    const { stdout } = await wireweave('add-peer', target, 'a', '--full-tunnel', '--json')
    const { output } = JSON.parse(stdout) as { output: string }
    const checked = await wireweave('check', '--strict', target, output)
    expect(checked.code, checked.stdout).toBe(0)
  })

  test.each([
    [['phone'], /already/],
    [['x', '--address', '10.2.0.2'], /10\.2\.0\.2\/32 belongs to another peer/],
    [['x', '--allowed-ips', 'everything'], /--allowed-ips: "everything" is no IP address/],
    [['x', '--keepalive', 'often'], /--keepalive: "often"/],
    [['x', '--public-key', 'short'], /--public-key is not a key/],
    [['x', '--endpoint', 'a/b:1'], /--endpoint: "a\/b" is not a host name/],
    [['x', '--endpoint', 'vpn example.org'], /--endpoint: .*has a space/],
    [['phone'], /called phone already\. Choose another name/],
    [['x', '--dns', '9.9.9.9\nPostUp = evil'], /--dns must be one line/],
    [['x\n[Peer]'], /the name of the peer must be one line/],
  ])('%j is refused and changes nothing', async (args, message) => {
    const target = await server('--address', '10.2.0.1/24')
    await wireweave('add-peer', target, 'phone')
    const before = readFileSync(target, 'utf8')
    const { code, stderr } = await wireweave('add-peer', target, ...args)
    expect(code).toBe(1)
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/\n +at /)
    expect(readFileSync(target, 'utf8')).toBe(before)
  })
})

test('--json prints what docs/json.md shows', async () => {
  const folder = temporaryFolder()
  const server = path.join(folder, 'wg0.conf')
  const printed = async (...args: string[]): Promise<unknown> => JSON.parse((await wireweave(...args, '--json')).stdout)
  const expectDocumented = (command: string, value: unknown): void => {
    const [actual, documented] = shapes(command, value)
    expect(actual, command).toEqual(documented)
  }
  expectDocumented('init', await printed('init', server))
  expectDocumented('add-peer', await printed('add-peer', server, 'phone', '--endpoint', 'vpn.example.org'))
  expectDocumented('check', await printed('check', file('[Interface]\nMTU = x\n')))
  expectDocumented('adapters', await printed('adapters'))
})

test('help and adapters need no rights, and the pages name what there is', async () => {
  expect((await wireweave('help', 'up')).stdout).toMatch(/^NAME\n {4}wireweave up - bring an interface up\n/)
  expect(await wireweave('help', 'nonsense')).toMatchObject({
    code: 1,
    stderr: 'wireweave: there is no command "nonsense". See "wireweave help".\n',
  })
  const { stdout } = await wireweave('adapters', '--json')
  expect((JSON.parse(stdout) as { name: string }[]).map(({ name }) => name)).toEqual(
    expect.arrayContaining(['linux-tun']),
  )
})
