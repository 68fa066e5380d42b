/** An `up` that fails, or is called off, at any step leaves the network as it was, and no file or process. */
import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeAction } from '@wireweave/host-net/action'
import { up } from '../src/up.js'
import type { UpOptions } from '../src/up.js'
import { Host, missing, sh } from './support/host.js'

const lacking = missing(['nft', 'ip'])
const name = `wwf${process.pid % 100000}`
const EVERYTHING = `[Interface]
PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
Address = 10.6.0.1/24, fd06::1/64
DNS = 10.6.0.53
PreUp = true
PostUp = true %i
PostUp = true
[Peer]
PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
AllowedIPs = 0.0.0.0/0, ::/0, 10.8.0.0/16
Endpoint = 192.0.2.254:51820
`

describe.skipIf(lacking !== null)(`a failing up (needs ${lacking ?? 'nothing more'})`, () => {
  let host: Host
  let before: Record<string, unknown>
  let file = ''
  let steps: string[] = []
  beforeAll(async () => {
    host = new Host()
    before = host.see()
    file = host.write(name, EVERYTHING)
    const seen: string[] = []
    const tunnel = await attempt({ onAction: (action) => seen.push(describeAction(action)) })
    steps = [...seen]
    await tunnel.down()
    host.readDnsLog()
  })
  afterAll(() => host?.remove())

  const attempt = (options: Partial<UpOptions> = {}) =>
    up({ config: file, adapter: 'linux-tun', killSwitch: true, ...options })

  /** Also what is not the network's: descriptors, files, the resolver. */
  const expectNothingLeft = (descriptors: number): void => {
    expect(host.see()).toEqual(before)
    const dns = host.readDnsLog().trim().split('\n')
    const last = dns.at(-1)!
    expect(last === '' || last.startsWith('-d ')).toBe(true)
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(descriptors)
    expect(readdirSync(host.folder).sort()).toEqual(['resolvconf', `${name}.conf`].sort())
  }

  test('there are steps of every kind', () => {
    expect(steps.length).toBeGreaterThan(15)
    for (const kind of [
      'true',
      'wireweave open',
      'address add',
      'resolvconf -a',
      'route add',
      'rule add',
      'sysctl',
      'nft',
    ]) {
      expect(steps.join('\n')).toContain(kind)
    }
  })

  test('an error before any step leaves nothing', async () => {
    await (await attempt()).down()
    const descriptors = readdirSync('/proc/self/fd').length
    for (let k = 0; k < steps.length; k++) {
      let seen = 0
      const onAction = (_: unknown, direction: string): void => {
        if (direction === 'do' && seen++ === k) throw new Error(`fault ${k}`)
      }
      await expect(attempt({ onAction }), steps[k]).rejects.toThrow(`fault ${k}`)
      expectNothingLeft(descriptors)
    }
  })

  test('calling it off at any step leaves nothing', async () => {
    const descriptors = readdirSync('/proc/self/fd').length
    for (let k = 0; k < steps.length; k++) {
      const controller = new AbortController()
      let seen = 0
      const onAction = (_: unknown, direction: string): void => {
        if (direction === 'do' && seen++ === k) controller.abort()
      }
      await expect(attempt({ onAction, signal: controller.signal }), steps[k]).rejects.toMatchObject({
        code: 'ABORTED',
      })
      expectNothingLeft(descriptors)
    }
  })

  test('what the kernel or a program refuses is said and leaves nothing', async () => {
    const descriptors = readdirSync('/proc/self/fd').length
    const refusals: [string, string, RegExp][] = [
      ['PostUp = true\n', 'PostUp = exit 3\n', /"exit 3" failed: it ended with status 3/],
      ['PostUp = true\n', `PostUp = sleep 100 & wait\n`, /aborted/],
      ['10.6.0.1/24,', '10.6.0.1/24, 10.6.0.1/24,', /ip -4 address add 10.6.0.1\/24 dev .*it exists already/],
      ['PreUp = true', 'PreUp = ip link add %i type veth', /is an interface, but not a TUN/],
      ['192.0.2.254:51820', 'no-such-host.invalid:51820', /the host no-such-host.invalid is not known/],
    ]
    for (const [from, to, message] of refusals) {
      file = host.write(name, EVERYTHING.replace(from, to))
      const signal = to.includes('sleep') ? AbortSignal.timeout(1500) : undefined
      await expect(attempt({ lookup, ...(signal && { signal }) })).rejects.toThrow(message)
      sh(`ip link delete ${name} 2>/dev/null || true`)
      expectNothingLeft(descriptors)
    }
    file = host.write(name, EVERYTHING)
  })

  test('a failing undo does not stop the others, and is told', async () => {
    const onAction = (action: Parameters<typeof describeAction>[0], direction: string): void => {
      const text = describeAction(action)
      if (direction === 'do' && text === 'true') throw new Error('the hook')
      if (direction === 'undo' && text.includes('rule delete not fwmark')) throw new Error('no such luck')
    }
    file = host.write(name, EVERYTHING.replace('PreUp = true\n', ''))
    const failed = attempt({ onAction })
    await expect(failed).rejects.toThrow(/the hook/)
    await expect(failed).rejects.toThrow(
      /left behind, because "ip -4 rule delete not fwmark 51820 table 51820" failed: no such luck/,
    )
    sh('ip -4 rule delete table 51820 && ip -6 rule delete table 51820')
    expect(host.see()).toEqual(before)
    file = host.write(name, EVERYTHING)
  })
})

async function lookup(host: string): Promise<string[]> {
  if (host === 'no-such-host.invalid') throw Object.assign(new Error('not found'), { code: 'ENOTFOUND' })
  return ['192.0.2.254']
}
