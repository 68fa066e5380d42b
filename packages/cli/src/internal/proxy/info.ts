/** What `/metrics` and `/readyz` say. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { formatMetrics } from '@wireweave/proxy/metrics'
import type { HandshakeTimes } from '@wireweave/proxy/metrics'
import type { InfoOptions, Proxy, Readiness } from '@wireweave/proxy/proxy'
import { formatKey } from '@wireweave/tunnel/keys'
import type { NetstackTunnel } from 'wireweave'
import type { ProxySettings } from './settings.js'

export interface InfoService extends Disposable {
  readonly service: InfoOptions
}

/** An answer that is late by so much still counts. */
const GRACE_MS = 2000

/** `null` when nobody asked for it. */
export function infoService(
  settings: ProxySettings,
  tunnel: NetstackTunnel,
  handshakes: HandshakeTimes,
  proxy: () => Proxy | null,
): InfoService | null {
  const { info, checkAlive, checkAliveSeconds } = settings
  if (info === null) return null
  const lag = monitorEventLoopDelay({ resolution: 10 })
  lag.enable()
  const names = new Map(tunnel.conf.peers.map(({ publicKey, name }) => [formatKey(publicKey), name]))
  const answeredAt = new Map<string, number>()
  const ask = (): void => {
    for (const address of checkAlive) {
      tunnel.ping(address, { timeout: checkAliveSeconds * 1000 }).then(
        () => answeredAt.set(address, Date.now()),
        // It shows in the time of the last answer.
        () => {},
      )
    }
  }
  const timer = setInterval(ask, checkAliveSeconds * 1000).unref()
  ask()

  const metrics = async (): Promise<string> => {
    const running = proxy()
    const text = formatMetrics({
      interfaceName: tunnel.name,
      snapshot: await tunnel.tunnel.snapshot(),
      nameOf: (peer) => names.get(formatKey(peer)) ?? null,
      unixTimeMs: Date.now(),
      handshakes,
      stack: tunnel.stack,
      eventLoopLagSeconds: lag.percentile(99) / 1e9,
      ...(running !== null && { proxy: running }),
    })
    lag.reset()
    return text
  }
  const readiness = async (): Promise<Readiness> => {
    const now = Date.now()
    const { peers } = await tunnel.tunnel.snapshot()
    const isAlive = (address: string): boolean =>
      now - (answeredAt.get(address) ?? -Infinity) < checkAliveSeconds * 1000 + GRACE_MS
    return {
      ready: checkAlive.every(isAlive),
      details: {
        peers: peers.map(({ publicKey, lastHandshakeTimeNs }) => ({
          publicKey: formatKey(publicKey),
          latestHandshake: lastHandshakeTimeNs === null ? 0 : Number(lastHandshakeTimeNs / 1_000_000_000n),
        })),
        checkAlive: Object.fromEntries(
          checkAlive.map((address) => [address, Math.floor((answeredAt.get(address) ?? 0) / 1000)]),
        ),
      },
    }
  }
  return {
    service: { kind: 'info', ...info, metrics, readiness },
    [Symbol.dispose]() {
      clearInterval(timer)
      lag.disable()
    },
  }
}
