/** All traffic through a tunnel, between namespaces: what goes in, what stays out, what is dropped. */
import { exec } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { withFileLocked } from '@wireweave/host-net/linux/file-lock'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatIp } from '@wireweave/tunnel/ip'
import { up } from '../src/up.js'
import type { UpTunnel } from '../src/up.js'
import { Host, missing, sh } from './support/host.js'

const lacking = missing(['wg', 'wireguard-go', 'nft', 'ip', 'ping'])
const name = `wwa${process.pid % 100000}`
const there = `wwb${process.pid % 100000}`
/** An address of the neighbour that both the tunnel and, without it, the default route lead to. */
const FAR = '203.0.113.9'

describe.skipIf(lacking !== null)(`a tunnel for everything (needs ${lacking ?? 'nothing more'})`, () => {
  let host: Host
  let before: Record<string, unknown>
  let text = ''
  let inThere: (command: string) => string
  beforeAll(() => {
    host = new Host()
    inThere = (command) => sh(`ip netns exec ${host.neighbour} bash -c '${command}'`)
    const keys = [0, 1].map(() => {
      const secret = sh('wg genkey').trim()
      return { secret, public: sh(`echo ${secret} | wg pubkey`).trim() }
    })
    inThere(`wireguard-go ${there}`)
    inThere(
      `wg set ${there} listen-port 51820 private-key <(echo ${keys[1]!.secret}) peer ${keys[0]!.public} allowed-ips 10.6.0.1/32,fd06::1/128`,
    )
    inThere(
      `ip addr add 10.6.0.254/24 dev ${there} && ip addr add fd06::fe/64 dev ${there} nodad && ip link set ${there} up`,
    )
    inThere(
      `ip addr add ${FAR}/32 dev lo && ip route add default via 192.0.2.1 && ip route add 10.6.0.1/32 via 192.0.2.1 metric 1 table 7`,
    )
    inThere('nft add table inet seen && nft add chain inet seen in "{ type filter hook input priority 0; }"')
    inThere(`nft add rule inet seen in iifname down0 ip daddr ${FAR} counter`)
    text = `[Interface]\nPrivateKey = ${keys[0]!.secret}\nAddress = 10.6.0.1/24, fd06::1/64\n[Peer]\nPublicKey = ${keys[1]!.public}\nAllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = vpn.test:51820\nPersistentKeepalive = 1\n`
    before = host.see()
  })
  afterAll(() => host?.remove())

  /** Not waited for synchronously: the tunnel runs on this thread. */
  const pings = async (address: string, options = ''): Promise<boolean> => {
    const { stdout } = await promisify(exec)(
      `ping -n -c 3 -i 0.3 -W 2 ${options} ${address} >/dev/null && echo yes || echo no`,
    )
    return stdout.trim() === 'yes'
  }
  const plainPackets = (): number => Number(/packets (\d+)/.exec(inThere('nft list chain inet seen in'))![1])

  const open = (options: { killSwitch?: boolean; lookup?: () => Promise<string[]> } = {}): Promise<UpTunnel> =>
    up({ config: { text, name }, adapter: 'linux-tun', lookup: async () => ['192.0.2.254'], ...options })

  test('it all goes through, the endpoint does not loop, the local network is reached directly', async () => {
    expect(await pings(FAR)).toBe(true)
    const plain = plainPackets()
    expect(plain).toBeGreaterThan(0)
    await using tunnel = await open()
    expect(await pings(FAR)).toBe(true)
    expect(await pings('10.6.0.254')).toBe(true)
    expect(await pings('fd06::fe')).toBe(true)
    expect(plainPackets()).toBe(plain)
    const received = (await tunnel.tunnel.snapshot()).peers[0]!.rxBytes
    expect(await pings('192.0.2.254', '-I up0')).toBe(true)
    expect(await pings('192.0.2.254')).toBe(true)
    expect(received).toBeGreaterThan(300n)
    await tunnel.down()
    expect(host.see()).toEqual(before)
  })

  test('a packet to the tunnel address that comes in by another interface is dropped', async () => {
    await using tunnel = await open()
    inThere('ip rule add to 10.6.0.1 lookup 7 priority 5')
    try {
      const spoof = (): boolean =>
        inThere('ping -n -c 2 -i 0.3 -W 1 -I 192.0.2.254 10.6.0.1 >/dev/null 2>&1 && echo yes || echo no').trim() ===
        'yes'
      expect(spoof()).toBe(false)
      // Without the rules it would be answered: the test can tell.
      sh(`nft delete table ip wg-quick-${name}`)
      expect(spoof()).toBe(true)
    } finally {
      inThere('ip rule del to 10.6.0.1 lookup 7 priority 5')
    }
    await tunnel.down()
    expect(host.see()).toEqual(before)
  })

  test('a route that a hostile network hands out leaks without the kill switch, and is rejected with it', async () => {
    const withRoute = (killSwitch: boolean) =>
      open({ killSwitch }).then(async (tunnel) => {
        await using _ = tunnel
        sh(`ip route add ${FAR} via 192.0.2.254`)
        try {
          const plain = plainPackets()
          return {
            reached: await pings(FAR),
            leaked: plainPackets() > plain,
            local: await pings('192.0.2.254'),
            inside: await pings('10.6.0.254'),
          }
        } finally {
          sh(`ip route del ${FAR} via 192.0.2.254`)
        }
      })
    expect(await withRoute(false)).toEqual({ reached: true, leaked: true, local: true, inside: true })
    expect(await withRoute(true)).toMatchObject({ reached: false, leaked: false, inside: true })
    expect(host.see()).toEqual(before)
  })

  test(
    'a name whose first address is dead leads to the next one once handshakes have failed',
    { timeout: 300_000 },
    async () => {
      let lookups = 0
      const lookup = async (): Promise<string[]> => {
        lookups++
        return ['192.0.2.99', '192.0.2.254']
      }
      await using tunnel = await open({ lookup })
      const endpoint = async (): Promise<string> =>
        formatIp((await tunnel.tunnel.snapshot()).peers[0]!.endpoint!.address)
      expect(await endpoint()).toBe('192.0.2.99')
      for (let i = 0; i < 400 && (await endpoint()) !== '192.0.2.254'; i++)
        await new Promise((resolve) => setTimeout(resolve, 100))
      expect(await endpoint()).toBe('192.0.2.254')
      expect(lookups).toBe(1)
      for (let i = 0; i < 100 && (await tunnel.tunnel.snapshot()).peers[0]!.lastHandshakeTimeNs === null; i++) {
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      expect(await pings('10.6.0.254')).toBe(true)
    },
  )

  test('a reload follows the file and leaves what did not change', async () => {
    const file = host.write(name, `# mine\n${text}`)
    await using tunnel = await up({ config: file, adapter: 'linux-tun', lookup: async () => ['192.0.2.254'] })
    expect(await pings('10.6.0.254')).toBe(true)
    const handshake = (await tunnel.tunnel.snapshot()).peers[0]!.lastHandshakeTimeNs
    host.write(name, `# mine\n${text}[Peer]\n# Name = new\nPublicKey = TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=\n`)
    await tunnel.reload()
    const { peers, fwmark } = await tunnel.tunnel.snapshot()
    expect(peers).toHaveLength(2)
    expect(peers[0]!.lastHandshakeTimeNs).toBe(handshake)
    expect(fwmark).toBe(51820)
    host.write(name, '[Interface]\nPrivateKey = broken\n')
    await expect(tunnel.reload()).rejects.toThrow(/PrivateKey/)
    expect((await tunnel.tunnel.snapshot()).peers).toHaveLength(2)
    expect(tunnel.conf.peers).toHaveLength(2)
    const saved = `# mine\n${text}[Peer]\n# Name = new\nPublicKey = TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=\n`
    host.write(name, saved)
    let release: () => void = () => {}
    const change = withFileLocked(file, () => new Promise<void>((resolve) => (release = resolve)))
    let isSaved = false
    const saving = tunnel.save().then(() => (isSaved = true))
    await sleep(100)
    expect(isSaved).toBe(false)
    release()
    await Promise.all([change, saving])
    const port = (await tunnel.tunnel.snapshot()).listenPort
    const lines = `PrivateKey = ${/PrivateKey = (.*)/.exec(text)![1]}\n`
    expect(sh(`cat ${file}`).replace(`ListenPort = ${port}\n`, '')).toBe(saved)
    expect(sh(`cat ${file}`)).toContain(lines)
    expect(sh(`stat -c %a ${file}`).trim()).toBe('600')
  })
})
