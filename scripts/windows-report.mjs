#!/usr/bin/env node
/**
 * For a Windows user who wants to tell how Wireweave does there. In an elevated terminal:
 *
 *   node scripts/windows-report.mjs                  looks only
 *   node scripts/windows-report.mjs --try wg0.conf   also brings the tunnel of that file up and down, over each adapter
 *
 * Prints a report without keys, addresses of yours or names of yours; read it before you send it.
 */
import { execFileSync } from 'node:child_process'
import os from 'node:os'
import { parseArgs } from 'node:util'

const { values: options } = parseArgs({ options: { try: { type: 'string' } } })
const report = []

function add(title, value) {
  report.push([title, value])
  console.log(`${title}: ${value}`)
}

function attempt(title, work) {
  try {
    add(title, work())
  } catch (error) {
    add(title, `failed: ${error.message.split('\n', 1)[0]}`)
  }
}

add('windows', `${os.version()} ${os.release()}`)
add('node', `${process.version} ${process.arch}`)
if (process.platform !== 'win32') {
  console.log('This script is for Windows.')
  process.exit(1)
}
attempt('elevated', () => {
  const groups = execFileSync('whoami', ['/groups'], { encoding: 'utf8' })
  return /S-1-16-(12288|16384)/.test(groups) ? 'yes' : 'no: most of what follows will say so'
})

const { registry, up } = await import('wireweave')
const backends = (await registry()).filter(({ name }) => name === 'wgnt' || name === 'wintun')
for (const backend of backends) {
  const state = await backend.probe()
  add(`adapter ${backend.name}`, state.available ? 'available' : `${state.reason}. ${state.remedy}`)
}
if (options.try !== undefined) for (const backend of backends) await tryTunnel(backend)

console.log('\nPlease copy this into an issue, and say what else you saw:\n')
console.log('```')
for (const [title, value] of report) console.log(`${title}: ${value}`)
console.log('```')
process.exit(0)

/** Up, a look every second for ten seconds, down: times, counters, and what is left. */
async function tryTunnel(backend) {
  if (!(await backend.probe()).available) return
  const started = performance.now()
  const since = () => `${Math.round(performance.now() - started)} ms`
  const levels = { verbose: 0, error: 0 }
  try {
    const tunnel = await up({
      config: options.try,
      adapter: backend.name,
      hooks: false,
      onEvent: (event) => event.tag === 'log' && levels[event.level]++,
    })
    add(`${backend.name} up`, `after ${since()}`)
    let longest = 0
    let last = performance.now()
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last - 50)
      last = performance.now()
    }, 50)
    await new Promise((resolve) => setTimeout(resolve, 10_000))
    clearInterval(timer)
    const { peers, listenPort } = await tunnel.tunnel.snapshot()
    add(`${backend.name} port`, listenPort > 0 ? 'bound' : 'not bound')
    for (const [i, peer] of peers.entries()) {
      const handshake = peer.lastHandshakeTimeNs === null ? 'no handshake' : 'handshake'
      add(`${backend.name} peer ${i + 1}`, `${handshake}, ${peer.rxBytes} bytes in, ${peer.txBytes} out`)
    }
    add(`${backend.name} log lines`, `${levels.verbose} verbose, ${levels.error} error`)
    add(`${backend.name} event loop`, `stopped for ${Math.round(longest)} ms at most`)
    await tunnel.down()
    add(`${backend.name} down`, `after ${since()}`)
    add(`${backend.name} left behind`, os.networkInterfaces()[tunnel.name] === undefined ? 'nothing' : 'the interface')
  } catch (error) {
    add(`${backend.name} failed`, `after ${since()}: ${error.code ?? ''} ${withoutNames(error.message)}`)
  }
}

/** Messages may name files and addresses. */
function withoutNames(message) {
  return message
    .replaceAll(/[A-Za-z]:\\[^\s"]+/g, '(path)')
    .replaceAll(/\b\d{1,3}(\.\d{1,3}){3}\b/g, '(address)')
    .replaceAll(/\b[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}\b/gi, '(address)')
}
