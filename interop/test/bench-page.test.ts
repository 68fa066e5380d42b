/** The page of a benchmark in a real browser, through `wireweave-bench serve` and its content security policy. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Report } from '../../apps/bench/dist/report/report.js'
import { metrics } from '../../apps/bench/dist/run/metrics.js'
import { Browser } from '../rig/browser.js'
import { describeWith, program } from '../rig/needs.js'

const root = path.resolve(import.meta.dirname, '../..')
const bench = path.join(root, 'apps/bench/dist/bin/wireweave-bench.js')
/** Where people look at what the test saw. */
const screenshots = path.join(root, '.results/screenshots')

/** As many rows, and names as long, as a run can have. */
function fullReport(): Report {
  const host = ['linux-tun', 'linux-wg', 'wireguard-go', 'wireguard-go-debian', 'boringtun', 'gotatun', 'kernel-wg']
  const more = ['ipsec-aes256', 'ipsec-chacha20', 'openvpn-chacha20', 'openvpn-aes256', 'veth']
  const names = [...host, ...more, 'netstack']
  const roleOf = (name: string) => (name === 'veth' ? 'ceiling' : /^(linux|netstack)/.test(name) ? 'adapter' : 'rival')
  const valueOf = (i: number, j: number, round: number): number =>
    (names[i] === 'veth' ? 40 : 1 + ((i * 7 + j * 3) % 11) / 4) * (0.9 + round * 0.1)
  return {
    format: 'wireweave-bench/1',
    date: '2026-01-02T03:04:05.000Z',
    command: 'wireweave-bench run --json a-rather-long-name-of-a-file-that-must-not-widen-the-page-on-a-phone.json',
    machine: {
      cpu: 'A Processor of Some Length @ 3.50GHz',
      cores: 2,
      memoryBytes: 2 ** 33,
      system: 'Linux 6.12',
      loadBefore: 0,
    },
    node: process.version,
    generator: 'iperf 3.12',
    settings: { seconds: 1, repeat: 3, rounds: 3, warmUp: 'a second of TCP', order: 'alternating' },
    durationSeconds: 200,
    contestants: names.map((name) => ({
      ...{ name, role: roleOf(name), reach: name === 'netstack' ? 'process' : 'host', about: `what ${name} is` },
      ...{ version: '1.2.3', tool: name === 'netstack' ? 'own generator' : 'iperf3', pingTool: 'ping' },
    })),
    missing: [{ name: 'a-missing-rival', why: 'not installed', remedy: 'apt-get install a-missing-rival' }],
    results: metrics.flatMap(({ id }, j) =>
      names.map((contestant, i) =>
        i === 3 && j === 2
          ? { contestant, metric: id, samples: [], failure: 'a message of some length about what went wrong with it' }
          : { contestant, metric: id, samples: [0, 1, 2].map((round) => valueOf(i, j, round)) },
      ),
    ),
    latencies: (['idle', 'load'] as const).flatMap((when) =>
      names.map((contestant, i) => {
        const samples = Array.from({ length: 300 }, (_, k) => 0.05 * (i + 1) * (1 + (k / 300) ** 8 * 40))
        return { contestant, when, samples }
      }),
    ),
    notes: ['2 of 3 rounds fitted into 60 s'],
  }
}

const VIEWS = [
  ['wide', 1200, 'light'],
  ['wide', 1200, 'dark'],
  ['phone', 360, 'light'],
  ['phone', 360, 'dark'],
] as const

describeWith('the page of wireweave-bench', [program('chromium', 'chromium')], () => {
  let folder = ''
  let server: ChildProcess
  let address = ''
  let browser: Browser

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'wireweave-bench-page-'))
    const file = path.join(folder, 'report.json')
    writeFileSync(file, JSON.stringify(fullReport()))
    server = spawn(process.execPath, [bench, 'serve', file], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(server.stdout!.setEncoding('utf8'), 'data')) as [string]
    address = line.trim()
    browser = await Browser.open('chromium')
    mkdirSync(screenshots, { recursive: true })
  })
  afterAll(async () => {
    await browser[Symbol.asyncDispose]()
    server.kill('SIGTERM')
    rmSync(folder, { recursive: true, force: true })
  })

  test('is served on loopback only, and nothing else is', async () => {
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/)
    expect((await fetch(`${address}report.json`)).status).toBe(404)
  })

  test('the keyboard reaches every table, and each has a name', async () => {
    await browser.show(address, 1200, 900, 'light')
    const reached = '[...document.querySelectorAll("summary, [tabindex]")]'
    const names = await browser.evaluate<string[]>(
      `${reached}.map((each) => each.getAttribute('aria-label') ?? each.textContent)`,
    )
    expect(names.length).toBeGreaterThan(3)
    expect(names.every((name) => name.length > 10 && name.length < 100)).toBe(true)
    await browser.evaluate(`document.querySelectorAll('details').forEach((each) => { each.open = true })`)
    const focused = `${reached}.map((each) => { each.focus(); return document.activeElement === each })`
    expect(new Set(await browser.evaluate<boolean[]>(focused))).toEqual(new Set([true]))
  })

  for (const [name, width, scheme] of VIEWS) {
    test(`on a ${name} screen of ${width} pixels in ${scheme} every chart is drawn, nothing spills, nothing complains`, async () => {
      await browser.show(address, width, 900, scheme)
      await browser.evaluate(`document.querySelectorAll('details').forEach((each) => { each.open = true })`)
      writeFileSync(path.join(screenshots, `bench-${name}-${scheme}.png`), await browser.screenshot())

      expect(await browser.evaluate('document.querySelectorAll("figure[data-metric]").length')).toBeGreaterThan(30)
      expect(await browser.evaluate(invisible('.bar rect, .bar circle, .curves path, .grid-lines text'))).toEqual([])
      expect(await browser.evaluate('document.querySelectorAll(".curves path").length')).toBe(26)

      const pixels = await browser.evaluate('[document.documentElement.scrollWidth, window.innerWidth]')
      expect(pixels).toEqual([width, width])
      expect(await browser.evaluate(spilling('figure', '.value, .name, .failed, .legend td'))).toEqual([])

      const [background, text] = await browser.evaluate<[string, string]>(
        `[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]`,
      )
      expect(brightness(background) < 60).toBe(scheme === 'dark')
      expect(Math.abs(brightness(background) - brightness(text))).toBeGreaterThan(150)
      const fills = await browser.evaluate<string[]>(
        `[...document.querySelector('figure').querySelectorAll('rect:not(.off)')].map((each) => getComputedStyle(each).fill)`,
      )
      for (const fill of fills) expect(Math.abs(brightness(fill) - brightness(background)), fill).toBeGreaterThan(50)
      expect(new Set(fills).size).toBe(fills.length)
      expect(browser.complaints).toEqual([])
    })
  }
})

/** Expression: what of these takes no room. */
function invisible(selector: string): string {
  return `[...document.querySelectorAll('${selector}')].filter((each) => {
    const { width, height } = each.getBoundingClientRect()
    return width <= 0 || height <= 0
  }).map((each) => each.outerHTML.slice(0, 100))`
}

/** Expression: what of these reaches beyond the frame around it. */
function spilling(frame: string, selector: string): string {
  return `[...document.querySelectorAll('${frame}')].flatMap((frame) => {
    const edge = frame.getBoundingClientRect().right
    return [...frame.querySelectorAll('${selector}')].filter((each) => each.getBoundingClientRect().right > edge + 0.5)
  }).map((each) => each.textContent)`
}

/** 0 to 255, of \`rgb(…)\`. */
function brightness(color: string): number {
  const [red, green, blue] = [...color.matchAll(/\d+/g)].map(Number)
  return 0.3 * red! + 0.59 * green! + 0.11 * blue!
}
