/** A process that is killed at any moment leaves nothing. The process is another one, and runs the built package. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Host, missing } from './support/host.js'

const built = path.resolve(import.meta.dirname, '../dist/guard.js')
const lacking = missing(['nft', 'ip']) ?? (existsSync(built) ? null : 'a build (npm run build)')
const name = `wwk${process.pid % 100000}`
const EVERYTHING = `[Interface]
PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
Address = 10.6.0.1/24, fd06::1/64
DNS = 10.6.0.53
[Peer]
PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
AllowedIPs = 0.0.0.0/0, ::/0
Endpoint = 192.0.2.254:51820
`
/** Says each action before it happens, waits for a word after the one it was told, and stays when all are done. */
const PROGRAM = `
import { up } from 'wireweave'
let seen = 0
const onAction = () => { if (seen++ === Number(process.argv[2])) process.kill(process.pid, 'SIGKILL') }
await up({ config: process.argv[1], adapter: 'linux-tun', onAction })
console.log('up', seen)
setInterval(() => {}, 1000)
`

describe.skipIf(lacking !== null)(`a killed process (needs ${lacking ?? 'nothing more'})`, () => {
  let host: Host
  let before: Record<string, unknown>
  beforeAll(() => {
    host = new Host()
    before = host.see()
  })
  afterAll(() => host?.remove())

  /** Resolves with the number of actions when it is up; with -1 when it was killed before. */
  const run = (file: string, killAt: number): Promise<{ actions: number; kill: (signal: NodeJS.Signals) => void }> =>
    new Promise((resolve, reject) => {
      const args = ['--input-type=module', '-e', PROGRAM, file, String(killAt)]
      const child = spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] })
      const kill = (signal: NodeJS.Signals): void => void child.kill(signal)
      child.on('error', reject)
      child.stdout.on('data', (data: Buffer) => resolve({ actions: Number(data.toString().split(' ')[1]), kill }))
      child.on('exit', () => resolve({ actions: -1, kill }))
    })

  const expectNothingLeft = async (): Promise<void> => {
    for (let i = 0; i < 100 && JSON.stringify(host.see()) !== JSON.stringify(before); i++) await sleep(100)
    expect(host.see()).toEqual(before)
  }

  test('when it was up, or while it came up', { timeout: 300_000 }, async () => {
    const file = host.write(name, EVERYTHING)
    const whole = await run(file, -1)
    expect(whole.actions).toBeGreaterThan(10)
    expect(host.see()).not.toEqual(before)
    host.readDnsLog()
    whole.kill('SIGKILL')
    await expectNothingLeft()
    for (let i = 0; i < 30 && !host.readDnsLog().includes(`-d ${name} -f`); i++) await sleep(100)
    for (let k = 1; k < whole.actions; k += 3) {
      expect((await run(file, k)).actions).toBe(-1)
      await expectNothingLeft()
    }
    const ended = await run(file, -1)
    ended.kill('SIGTERM')
    await expectNothingLeft()
  })
})
