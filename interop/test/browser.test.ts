/** A web page as a WireGuard peer: what it is made of needs nothing of Node, and in Chromium it fetches through the tunnel. */
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { Browser } from '../rig/browser.js'
import { eventually } from '../rig/command.js'
import { describeWith, program } from '../rig/needs.js'

const root = path.resolve(import.meta.dirname, '../..')
const built = {
  what: 'the built packages: npm run build',
  isThere: () => existsSync(path.join(root, 'packages/wireweave/dist/index.js')),
}

/** What may use Node or the system; every other module of these packages may not. */
const PACKAGES = ['tunnel', 'crypto', 'noise', 'config', 'device', 'adapter-netstack']
const OTHERS =
  /^\.\/(?:package\.json|node|parallel|userspace-backend|shell\/(?:driver|bind|bind-dgram|bind-linux|bind-windows|clock))$/
const OF_CRYPTO_AND_NODE = '@wireweave/crypto/node'

function portableModules(): string[] {
  const modules = PACKAGES.flatMap((name) => {
    const { exports } = JSON.parse(readFileSync(path.join(root, 'packages', name, 'package.json'), 'utf8'))
    return Object.keys(exports)
      .filter((subpath) => !OTHERS.test(subpath))
      .map((subpath) => `@wireweave/${name}${subpath.slice(1)}`)
  })
  // It asks for node:crypto at run time, and lives without.
  return [...modules, OF_CRYPTO_AND_NODE]
}

test('the cores bundle for a browser without a module of Node', async () => {
  const modules = portableModules()
  expect(modules.length).toBeGreaterThan(40)
  const { metafile, warnings } = await build({
    stdin: {
      contents: modules.map((name, i) => `export * as m${i} from '${name}'`).join('\n'),
      resolveDir: path.join(root, 'interop'),
    },
    conditions: ['@wireweave/source'],
    bundle: true,
    platform: 'browser',
    format: 'esm',
    write: false,
    metafile: true,
    logLevel: 'silent',
  })
  expect(warnings).toEqual([])
  // esbuild fails on what it cannot resolve; this is about what it would leave to the page.
  expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([])
})

describeWith('a page in Chromium', [built, program('chromium', 'chromium')], () => {
  test('fetches through a WireGuard tunnel of its own, by a WebSocket and a relay', async () => {
    await using site = await openExample()
    await using browser = await Browser.open('chromium')
    await browser.show(site.url, 800, 600, 'light')
    const read = (selector: string): Promise<string> =>
      browser.evaluate(`document.querySelector('${selector}').textContent`)
    const answered = async (): Promise<string> => {
      await eventually('an answer in the page', async () => /^(?!waiting)./.test(await read('output')), 40)
      return read('output')
    }

    expect(await answered()).toMatch(/^200 OK, /)
    expect(await read('pre')).toBe('Hello 10.13.0.2, WireGuard brought you here.')
    expect(await browser.evaluate('location.hash')).toBe('')

    // IPv6 inside, and enough for the window to grow.
    const ask = `document.querySelector('[name=url]').value = 'http://[fd13::1]/data'`
    await browser.evaluate(`${ask}; document.querySelector('form').requestSubmit()`)
    const data = Buffer.alloc(3_000_000, 'tunnel')
    expect(await answered()).toBe(`200 OK, 3000000 bytes, SHA-256 ${createHash('sha256').update(data).digest('hex')}`)
    expect(browser.complaints).toEqual([])
  }, 120_000)
})

describeWith('the relay', [built], () => {
  test('takes pages of its own origin only, and one path', async () => {
    await using site = await openExample()
    const { origin } = new URL(site.url)
    expect(await upgrade(`${origin}/wireguard`, origin)).toBe(101)
    expect(await upgrade(`${origin}/wireguard`, 'http://elsewhere.example')).toBe(401)
    expect(await upgrade(`${origin}/wireguard`, null)).toBe(401)
    expect(await upgrade(`${origin}/other`, origin)).toBe(400)
  })
})

/** The status that a request for a WebSocket gets. */
async function upgrade(url: string, origin: string | null): Promise<number> {
  const key = randomBytes(16).toString('base64')
  const socket = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': key,
  }
  const request = http.get(url, { headers: { ...socket, ...(origin !== null && { origin }) } })
  const [response] = (await Promise.race([once(request, 'upgrade'), once(request, 'response')])) as [
    http.IncomingMessage,
  ]
  response.destroy()
  return response.statusCode!
}

/** `node examples/browser/main.mjs`, and the address that it prints. */
async function openExample(): Promise<AsyncDisposable & { readonly url: string }> {
  const child = spawn(process.execPath, [path.join(root, 'examples/browser/main.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const close = async (): Promise<void> => {
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), 5000)
    await ended
    clearTimeout(late)
    expect(child.exitCode).toBe(0)
  }
  for await (const line of createInterface(child.stdout)) {
    const url = /^open (\S+)$/.exec(line)?.[1]
    if (url !== undefined) return { url, [Symbol.asyncDispose]: close }
  }
  throw new Error('the example ended before it was open')
}
