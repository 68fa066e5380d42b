/** Our device against the kernel's: both roles, both families, inside and outside, with and without a preshared key. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../../rig/command.js'
import { kernel, ours } from '../../rig/implementations.js'
import { generatePresharedKey } from '../../rig/keys.js'
import { Lab } from '../../rig/lab.js'
import { describeWith, program } from '../../rig/needs.js'
import { connect, startBoth, wiredPair } from '../../rig/topologies.js'
import type { Pair } from '../../rig/topologies.js'
import { ChecksumServer, ping, reaches, sendChecked } from '../../rig/traffic.js'
import type { End } from '../../rig/tunnel.js'

const CHECKSUM_PORT = 5400
const TRANSFER_BYTES = 500_000

describeWith('with the kernel', [ours.need, kernel.need, program('bash', 'bash'), program('tc', 'iproute2')], () => {
  let lab: Lab
  let pair: Pair
  const servers: ChecksumServer[] = []

  beforeAll(async () => {
    lab = await Lab.open()
    pair = await wiredPair(lab, kernel)
    await startBoth(pair)
    // The queue that a TUN gets, fq_codel, drops packets when a slow machine makes them wait.
    await pair.one.host.run('tc', `qdisc replace dev ${pair.one.interfaceName} root pfifo limit 1000`.split(' '))
    for (const { host } of [pair.one, pair.two]) servers.push(await ChecksumServer.open(host, CHECKSUM_PORT))
  })
  afterAll(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]()
    await lab?.close()
  })

  const we = (): End => pair.one
  const they = (): End => pair.two

  async function endpointSeenBy(end: End): Promise<string> {
    return (await end.peer(pair.otherThan(end).keys.publicKey)).endpoint
  }

  for (const family of ['IPv4', 'IPv6'] as const) {
    test.each([
      ['we initiate', 'without a preshared key', we, undefined],
      ['we initiate', 'with a preshared key', we, generatePresharedKey],
      ['we respond', 'without a preshared key', they, undefined],
      ['we respond', 'with a preshared key', they, generatePresharedKey],
    ])(`over ${family}, %s, %s: pings and checked TCP go both ways`, async (_role, _psk, initiator, presharedKey) => {
      const from = initiator()
      const to = pair.otherThan(from)
      await connect(pair, { initiator: from, family, presharedKey: presharedKey?.() })
      expect(await reaches(from.host, to.v4)).toBe(true)
      for (const address of [to.v4, to.v6]) {
        expect((await ping(from.host, address, '-f -c 50 -W 5 -s 1000')).received).toBeGreaterThanOrEqual(48)
      }
      expect(await sendChecked(from.host, to.v4, CHECKSUM_PORT, TRANSFER_BYTES)).toBe(true)
      expect(await sendChecked(to.host, from.v6, CHECKSUM_PORT, TRANSFER_BYTES)).toBe(true)
    })
  }

  test('a preshared key that only one side has keeps traffic out', async () => {
    await connect(pair, { initiator: we() })
    await we().wg(`set peer ${they().keys.publicKey} preshared-key /dev/stdin`, generatePresharedKey())
    expect(await ping(we().host, they().v4, '-c 2 -i 0.2 -W 1')).toMatchObject({ sent: 2, received: 0 })
  })

  test('each follows the other to another port and another address', async () => {
    await connect(pair, { initiator: we() })
    expect(await reaches(we().host, they().v4)).toBe(true)
    const places = [
      [they(), '10.99.0.22', '10.99.0.22/24', 20001],
      [we(), '10.99.0.11', '10.99.0.11/24', 10001],
    ] as const
    for (const [end, address, prefix, port] of places) {
      const other = pair.otherThan(end)
      await end.host.ip(`address add ${prefix} dev wire0`)
      await end.host.ip(`address delete ${end === we() ? '10.99.0.1' : '10.99.0.2'}/24 dev wire0`)
      // The last address of a subnet takes the others with it.
      await end.host.ip(`address replace ${prefix} dev wire0`)
      await end.wg(`set listen-port ${port}`)
      expect(await reaches(end.host, other.v4)).toBe(true)
      expect(await endpointSeenBy(other)).toBe(`${address}:${port}`)
      expect(await reaches(other.host, end.v6)).toBe(true)
    }
    for (const [end, address] of [
      [they(), '[fd99::2]'],
      [we(), '[fd99::1]'],
    ] as const) {
      const other = pair.otherThan(end)
      await end.wg(`set peer ${other.keys.publicKey} endpoint ${end === we() ? '[fd99::2]:20001' : '[fd99::1]:10001'}`)
      expect(await reaches(end.host, other.v4)).toBe(true)
      expect(await endpointSeenBy(other)).toBe(`${address}:${end === we() ? 10001 : 20001}`)
      expect(await reaches(other.host, end.v6)).toBe(true)
    }
    await we().host.ip('address replace 10.99.0.1/24 dev wire0')
    await they().host.ip('address replace 10.99.0.2/24 dev wire0')
  })

  test.each([
    ['the kernel', they],
    ['we', we],
  ])('a session that %s forgot is replaced, and the other side takes the new one', async (_, which) => {
    await connect(pair)
    const forgetful = which()
    const other = pair.otherThan(forgetful)
    expect(await reaches(other.host, forgetful.v4)).toBe(true)
    const { publicKey } = other.keys
    await forgetful.wg(`set peer ${publicKey} remove`)
    const endpoint = pair.endpointOf(other)
    await forgetful.wg(`set peer ${publicKey} endpoint ${endpoint} allowed-ips ${other.allowedIps.join()}`)
    expect(await reaches(forgetful.host, other.v4)).toBe(true)
    expect((await ping(other.host, forgetful.v6, '-f -c 20 -W 5')).received).toBeGreaterThanOrEqual(19)
  })

  test('both count the same bytes', async () => {
    await connect(pair, { initiator: they() })
    expect((await ping(they().host, we().v4, '-c 5 -i 0.2 -W 5')).received).toBe(5)
    expect((await ping(we().host, they().v6, '-c 5 -i 0.2 -W 5 -s 1300')).received).toBe(5)
    await sendChecked(we().host, they().v4, CHECKSUM_PORT, 100_000)
    // A keepalive may be under way between the two looks.
    await eventually('what one sent is what the other received', async () => {
      const ofUs = await we().peer(they().keys.publicKey)
      const ofThem = await they().peer(we().keys.publicKey)
      return ofUs.rxBytes === ofThem.txBytes && ofUs.txBytes === ofThem.rxBytes && ofUs.txBytes > 100_000
    })
  })
})
