/** A proxy with one service on a free port of loopback, over a network that is this machine's own. */
import { openProxy } from '../src/proxy.js'
import type { Credentials, Proxy, ProxyOptions } from '../src/proxy.js'
import { HostDialer } from './host-dialer.js'

export interface OneService {
  readonly dialer: HostDialer
  readonly proxy: Proxy
  readonly port: number
}

/** `closing` gets what ends it. */
export async function openOneService(
  kind: 'http' | 'socks5',
  closing: (() => unknown)[],
  options: Partial<ProxyOptions> = {},
  credentials?: Credentials,
): Promise<OneService> {
  const dialer = new HostDialer()
  const services = [{ kind, host: '127.0.0.1', port: 0, credentials }]
  const proxy = await openProxy(dialer, { services, ...options })
  closing.push(() => proxy.close())
  return { dialer, proxy, port: proxy.services[0]!.port }
}
