/** wg(8): everything it can say to us, and what it prints of our answers. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ours } from '../rig/implementations.js'
import { generateKeyPair, generatePresharedKey } from '../rig/keys.js'
import { Lab } from '../rig/lab.js'
import { describeWith } from '../rig/needs.js'
import { connect, loopbackPair, startBoth } from '../rig/topologies.js'
import type { LoopbackPair } from '../rig/topologies.js'
import { ping, reaches } from '../rig/traffic.js'

const ZERO_KEY = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='

describeWith('wg', [ours.need], () => {
  let lab: Lab
  let pair: LoopbackPair
  beforeAll(async () => {
    lab = await Lab.open()
    pair = await loopbackPair(lab)
    await startBoth(pair)
  })
  afterAll(() => lab?.close())

  test('show lists the interfaces, and a new one has nothing but its port', async () => {
    const { zero, one } = pair
    expect((await zero.wg('show interfaces')).trim().split(' ').toSorted()).toEqual(['wg1', 'wg2'])
    expect(await one.wg('show peers')).toBe('')
    expect(await one.wg('show private-key')).toBe('(none)\n')
    expect(await one.wg('show public-key')).toBe('(none)\n')
    expect(await one.wg('show fwmark')).toBe('off\n')
    expect(Number(await one.wg('show listen-port'))).toBeGreaterThan(0)
    expect(await one.wg('show')).toMatch(/^interface: wg1\n/)
  })

  test('set sets everything, and show tells it', async () => {
    const { one } = pair
    const peer = generateKeyPair().publicKey
    const presharedKey = generatePresharedKey()
    await one.wg('set private-key /dev/stdin', one.keys.privateKey)
    await one.wg(
      `set listen-port 4711 fwmark 0xcafe peer ${peer} preshared-key /dev/stdin endpoint [fe80::1%lo]:99 ` +
        'persistent-keepalive 25 allowed-ips 10.0.0.0/8,fd11::/16,192.0.2.7/32',
      presharedKey,
    )
    expect(await one.wg('show private-key')).toBe(`${one.keys.privateKey}\n`)
    expect(await one.wg('show public-key')).toBe(`${one.keys.publicKey}\n`)
    expect(await one.wg('show listen-port')).toBe('4711\n')
    expect(await one.wg('show fwmark')).toBe('0xcafe\n')
    expect(await one.wg('show preshared-keys')).toBe(`${peer}\t${presharedKey}\n`)
    expect(await one.wg('show endpoints')).toMatch(new RegExp(`^${escape(peer)}\t\\[fe80::1%(lo|1)\\]:99\n$`))
    expect(await one.wg('show persistent-keepalive')).toBe(`${peer}\t25\n`)
    expect(await one.wg('show latest-handshakes')).toBe(`${peer}\t0\n`)
    expect((await one.peer(peer)).allowedIps.toSorted()).toEqual(['10.0.0.0/8', '192.0.2.7/32', 'fd11::/16'])
    const all = await pair.zero.wg('show all dump')
    expect(all).toContain(`wg1\t${one.keys.privateKey}\t${one.keys.publicKey}\t4711\t0xcafe\n`)

    await one.wg(`set fwmark off peer ${peer} preshared-key /dev/null persistent-keepalive off allowed-ips 10.1.0.0/16`)
    expect(await one.wg('show fwmark')).toBe('off\n')
    expect(await one.peer(peer)).toMatchObject({
      presharedKey: '(none)',
      persistentKeepalive: 'off',
      allowedIps: ['10.1.0.0/16'],
    })
    await one.wg(`set peer ${peer} remove`)
    expect(await one.wg('show peers')).toBe('')
    await one.wg('set private-key /dev/null')
    expect(await one.wg('show private-key')).toBe('(none)\n')
  })

  test('a private key is used and shown clamped', async () => {
    const { one } = pair
    await one.wg('set private-key /dev/stdin', `${'/'.repeat(42)}8=`)
    const shown = (await one.wg('show private-key')).trim()
    const bytes = Buffer.from(shown, 'base64')
    expect([bytes[0]! & 7, bytes[31]! & 0xc0]).toEqual([0, 0x40])
  })

  test('our own key is no peer: not when it is added, and not when it becomes ours', async () => {
    const { one } = pair
    const [a, b] = [generateKeyPair(), generateKeyPair()]
    await one.wg('set private-key /dev/stdin', a.privateKey)
    await one.wg(`set peer ${a.publicKey} allowed-ips 10.0.0.0/8`)
    expect(await one.wg('show peers')).toBe('')
    await one.wg(`set peer ${b.publicKey} allowed-ips 10.0.0.0/8`)
    expect(await one.wg('show peers')).toBe(`${b.publicKey}\n`)
    await one.wg('set private-key /dev/stdin', b.privateKey)
    expect(await one.wg('show peers')).toBe('')
  })

  test('setconf replaces, addconf adds, showconf gives back what setconf takes', async () => {
    const { one } = pair
    const [a, b, c] = [generateKeyPair().publicKey, generateKeyPair().publicKey, generateKeyPair().publicKey]
    const presharedKey = generatePresharedKey()
    await one.configure({ publicKey: a, allowedIps: ['10.1.0.0/16'], endpoint: '192.0.2.1:1' })
    await one.wg(
      'addconf /dev/stdin',
      `[Peer]\nPublicKey = ${b}\nAllowedIPs = 10.2.0.0/16\nPresharedKey = ${presharedKey}\n`,
    )
    expect((await one.wg('show peers')).trim().split('\n').toSorted()).toEqual([a, b].toSorted())
    const shown = await pair.zero.wg('showconf wg1')
    await one.configure({ publicKey: c, allowedIps: ['10.3.0.0/16'] })
    expect(await one.wg('show peers')).toBe(`${c}\n`)
    await one.wg('setconf /dev/stdin', shown)
    expect(sections(await pair.zero.wg('showconf wg1'))).toEqual(sections(shown))
    expect((await one.peer(b)).presharedKey).toBe(presharedKey)
  })

  test('syncconf changes what differs and leaves sessions and the port alone', async () => {
    const { one, two } = pair
    await connect(pair)
    expect(await reaches(one.host, two.v4)).toBe(true)
    const before = await one.peer(two.keys.publicKey)
    const other = generateKeyPair().publicKey
    const lines = { publicKey: two.keys.publicKey, allowedIps: two.allowedIps, endpoint: pair.endpointOf(two) }
    await one.wg('syncconf /dev/stdin', one.config(lines, { publicKey: other, allowedIps: ['10.9.0.0/16'] }))
    expect((await one.wg('show peers')).trim().split('\n')).toHaveLength(2)
    expect((await ping(one.host, two.v4)).received).toBe(1)
    const after = await one.peer(two.keys.publicKey)
    expect(after.latestHandshake).toBe(before.latestHandshake)
    expect(after.rxBytes).toBeGreaterThan(before.rxBytes)
    await one.wg('syncconf /dev/stdin', one.config(lines))
    expect(await one.wg('show peers')).toBe(`${two.keys.publicKey}\n`)
    expect(await one.wg('show listen-port')).toBe(`${one.port}\n`)
  })

  test('syncconf of a file without a port keeps the port that the system chose', async () => {
    const { one } = pair
    await one.wg('set listen-port 0')
    const port = await one.wg('show listen-port')
    expect(Number(port)).toBeGreaterThan(0)
    await one.wg('syncconf /dev/stdin', `[Interface]\nPrivateKey = ${one.keys.privateKey}\n`)
    expect(await one.wg('show listen-port')).toBe(port)
  })

  test('a new private key makes new sessions at once', async () => {
    const { one, two } = pair
    await connect(pair)
    expect(await reaches(one.host, two.v4)).toBe(true)
    const fresh = generateKeyPair()
    await two.wg(`set peer ${fresh.publicKey} allowed-ips ${one.v4}/32,${one.v6}/128`)
    await one.wg('set private-key /dev/stdin', fresh.privateKey)
    expect((await ping(one.host, two.v4, '-c 3 -i 0.3 -W 2')).received).toBeGreaterThanOrEqual(2)
    expect((await two.peer(fresh.publicKey)).latestHandshake).toBeGreaterThan(0)
  })

  test.each([
    ['an interface that is not there', 'show wg77', /Unable to access interface/],
    ['an interface that cannot be', 'show ../wg1', /Unable to access interface/],
  ])('%s is an error', async (_, words, message) => {
    await expect(pair.zero.wg(words)).rejects.toThrow(message)
  })

  test('a request that is void in one line changes nothing', async () => {
    const { one, zero } = pair
    await connect(pair)
    const before = await zero.wg('showconf wg1')
    const answer = await uapi(pair, `set=1\nreplace_peers=true\nlisten_port=1\nfrobnicate=1\n\n`)
    expect(answer).toBe('errno=-22\n\n')
    expect(await zero.wg('showconf wg1')).toBe(before)
    expect(await one.wg('show listen-port')).toBe(`${one.port}\n`)
  })

  test('allowed IPs can be taken away one by one, as newer versions of wg do', async () => {
    const { one } = pair
    const peer = generateKeyPair()
    await one.wg(`set peer ${peer.publicKey} allowed-ips 10.4.0.0/16,10.5.0.0/16`)
    const hex = Buffer.from(peer.publicKey, 'base64').toString('hex')
    expect(await uapi(pair, `set=1\npublic_key=${hex}\nupdate_only=true\nallowed_ip=-10.4.0.0/16\n\n`)).toBe(
      'errno=0\n\n',
    )
    expect((await one.peer(peer.publicKey)).allowedIps).toEqual(['10.5.0.0/16'])
  })

  test('no key is in the log, after all this', async () => {
    const { one, two } = pair
    const presharedKey = generatePresharedKey()
    await connect(pair, { presharedKey })
    const hex = (key: string): string => Buffer.from(key, 'base64').toString('hex')
    const secrets = [one.keys.privateKey, two.keys.privateKey, presharedKey]
    for (const secret of secrets) {
      await uapi(pair, `set=1\n${hex(secret)}\n\n`)
      await uapi(pair, `set=1\nprivate_key=${hex(secret)}0\n\n`)
      await uapi(pair, `set=1\n${secret}\n\n`)
    }
    expect(await reaches(one.host, two.v4)).toBe(true)
    const log = await pair.zero.run('sh', ['-c', 'cat "$1"/wg*.log', 'sh', lab.folder])
    expect(log).toContain('Sending handshake initiation')
    for (const secret of [...secrets, ZERO_KEY]) {
      expect(log).not.toContain(secret.slice(0, 12))
      expect(log).not.toContain(hex(secret).slice(0, 12))
    }
  })
})

function escape(text: string): string {
  return text.replaceAll(/[+/]/g, '\\$&')
}

/** The sections of a configuration, in no particular order. */
function sections(text: string): string[] {
  return text
    .split('\n\n')
    .map((section) => section.trim())
    .toSorted()
}

/** Sends `request` to the socket of `wg1` and returns the answer. */
async function uapi({ zero }: LoopbackPair, request: string): Promise<string> {
  const script = `
    import { connect } from 'node:net'
    const socket = connect({ path: '/var/run/wireguard/wg1.sock', allowHalfOpen: true })
    socket.setEncoding('utf8').on('data', (text) => process.stdout.write(text)).on('error', () => {})
    socket.end(process.argv[1])`
  return zero.run(process.execPath, ['--input-type=module', '-e', script, request])
}
