/** `wireweave proxy` from its first word to Ctrl-C. */
import { writeSync } from 'node:fs'
import { parseConf } from '@wireweave/config/conf'
import { HandshakeTimes } from '@wireweave/proxy/metrics'
import { connectStdio, openProxy } from '@wireweave/proxy/proxy'
import type { Proxy } from '@wireweave/proxy/proxy'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { TunnelEvent } from '@wireweave/tunnel/events'
import { formatKey } from '@wireweave/tunnel/keys'
import { openNetstackTunnel } from 'wireweave'
import { describeEvent, peerName } from '../event-log.js'
import { LogLimit } from '../log.js'
import { describeRetry } from '../lookup-retry.js'
import { forbidMemoryDumps } from '../memory-dumps.js'
import { infoService } from './info.js'
import { createReport } from './report.js'
import type { Report } from './report.js'
import { readSettings } from './settings.js'
import type { ProxyFlags } from './settings.js'

export async function runProxy(conf: string, flags: ProxyFlags): Promise<void> {
  const settings = readSettings(conf, flags, process.env)
  // Standard output may be the connection.
  const output = settings.stdio === null ? 1 : 2
  const report = createReport(flags.json === true, (line) => write(output, line))
  if (flags.configtest === true) {
    parseConf(settings.tunnel.text, settings.tunnel.file)
    report.note('valid', `${settings.tunnel.file} is right`)
    return
  }
  forbidMemoryDumpsIfPossible()
  const end = endOfProcess()
  const handshakes = new HandshakeTimes()
  const tell = teller(report, flags.verbose === true)
  await using tunnel = await openNetstackTunnel({
    config: settings.tunnel,
    signal: end,
    onEvent: (event) => {
      handshakes.onEvent(event)
      tell(event)
    },
    onLookupRetry: (host, pauseMs) => report.note('lookup', describeRetry(host, pauseMs)),
    onEndpointMoved: (peer) => report.note('moved', `${peerName(peer)} has moved to another address of its name`),
  })
  // Bound late: the page that it serves is about itself.
  const own: { proxy: Proxy | null } = { proxy: null }
  using info = infoService(settings, tunnel, handshakes, () => own.proxy)
  await using proxy = await openProxy(tunnel, {
    services: info === null ? settings.services : [...settings.services, info.service],
    allowUnauthenticated: flags.allowUnauthenticated ?? false,
    family: settings.family,
    signal: end,
  })
  own.proxy = proxy
  report.opened(tunnel, proxy.services)
  const aborted = new Promise<void>((resolve) => end.addEventListener('abort', () => resolve(), { once: true }))
  const { stdio } = settings
  const work = stdio === null ? aborted : connectStdio(tunnel, stdio, process.stdin, process.stdout, end)
  const died = tunnel.closed.then(() => {
    if (!end.aborted) throw new WireGuardError('CLOSED', 'the tunnel has ended. Its last messages say why.')
  })
  try {
    await Promise.race([work, aborted, died])
  } catch (error) {
    if (!end.aborted) throw error
  }
  // A terminal's input would keep the process alive.
  process.stdin.destroy()
}

/** Without native code, which the proxy can do without, it is not possible. */
function forbidMemoryDumpsIfPossible(): void {
  try {
    forbidMemoryDumps()
  } catch {
    // The system's own limit on dumps holds.
  }
}

/** Whoever read it may be gone, which must not end the tunnel. */
function write(fd: number, line: string): void {
  try {
    writeSync(fd, line)
  } catch {
    // Nobody is left to tell.
  }
}

/** The first of these signals asks, the second insists. */
function endOfProcess(): AbortSignal {
  const end = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (end.signal.aborted) process.exit(1)
      end.abort()
    })
  }
  return end.signal
}

/** Tells what a user wants to know: that a peer answers, that it does not; with `isVerbose` everything. */
function teller(report: Report, isVerbose: boolean): (event: TunnelEvent) => void {
  const known = new Set<string>()
  const limit = new LogLimit(20, 5000)
  const note = (event: string, text: string): void => limit.write(text, (line) => report.note(event, line))
  return (event) => {
    if (isVerbose) note(event.tag, describeEvent(event))
    else if (event.tag === 'log' && event.level === 'error') note('error', event.message)
    else if (event.tag === 'sessionEstablished' && !known.has(formatKey(event.peer))) {
      known.add(formatKey(event.peer))
      note('connected', `${peerName(event.peer)} answers`)
    } else if (event.tag === 'handshakeGaveUp') {
      known.delete(formatKey(event.peer))
      note('unanswered', `${peerName(event.peer)} does not answer. Are its key, its Endpoint and your own key right?`)
    }
  }
}
