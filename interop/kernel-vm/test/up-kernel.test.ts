/**
 * What `wireweave up` runs, over the kernel's WireGuard: nobody stays, unless a name has to be followed. In this process:
 * starting another one takes half a minute in the machine.
 */
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { down, openInterface, readHostState } from 'wireweave'
import { expect, test } from 'vitest'
import { bringUp } from '../../../packages/cli/dist/internal/tunnels/up-process.js'

function conf(name: string, endpoint: string): string {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'wireweave-')), `${name}.conf`)
  const own = '[Interface]\nPrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\nAddress = 10.98.7.1/32\n'
  const peer = `[Peer]\nPublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\nEndpoint = ${endpoint}\n`
  writeFileSync(file, `${own}${peer}AllowedIPs = 10.98.7.0/24\n`, { mode: 0o600 })
  return file
}

const exists = (name: string): boolean => existsSync(`/sys/class/net/${name}`)

/** Resolves when it would return to the shell. */
async function upInBackground(config: string): Promise<{ ended: Promise<void> }> {
  let ended!: Promise<void>
  await new Promise<void>((resolve, reject) => {
    ended = bringUp({ config, hooks: true }, { ready: resolve, onGone: () => {} }, {})
    ended.catch(reject)
  })
  return { ended }
}

test('with addresses alone nobody stays, and down finds the interface all the same', async () => {
  const config = conf('wwup0', '192.0.2.1:51820')
  await (
    await upInBackground(config)
  ).ended
  expect((await openInterface('wwup0')).servedBy).toBe('kernel')
  expect(await readHostState('wwup0')).toMatchObject({
    kind: 'wireguard',
    isUp: true,
    routes: [{ prefix: '10.98.7.0/24', table: 254 }],
  })
  await down({ config })
  expect(exists('wwup0')).toBe(false)
})

test('with a host name somebody follows it, until the interface is down', async () => {
  const config = conf('wwup1', 'localhost:51820')
  const { ended } = await upInBackground(config)
  const isOver = await Promise.race([
    ended.then(() => true),
    new Promise((resolve) => setTimeout(resolve, 1000, false)),
  ])
  expect(isOver).toBe(false)
  await down({ config })
  await ended
  expect(exists('wwup1')).toBe(false)
})
