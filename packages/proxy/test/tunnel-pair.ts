/** Two ends of a tunnel in this process: `here` is the proxy's, `there` has addresses 10.0.0.2 and fd00::2. */
import { generateKeyPairSync } from 'node:crypto'
import { openNetstackTunnel } from 'wireweave'
import type { NetstackTunnel } from 'wireweave'

export interface TunnelPair extends AsyncDisposable {
  readonly here: NetstackTunnel
  readonly there: NetstackTunnel
  /** The configuration of `here`, another program could open it. */
  readonly text: string
}

export async function openTunnelPair(more = ''): Promise<TunnelPair> {
  const keys = [keyPair(), keyPair()] as const
  const conf = (i: 0 | 1, interfaceLines: string, endpoint: string): string => `[Interface]
PrivateKey = ${keys[i].privateKey}
Address = 10.0.0.${i + 1}/32, fd00::${i + 1}/128
${interfaceLines}
[Peer]
# Name = the other one
PublicKey = ${keys[1 - i]!.publicKey}
AllowedIPs = 10.0.0.${2 - i}/32, fd00::${2 - i}/128
${endpoint}`
  const there = await openNetstackTunnel({ config: { name: 'there', text: conf(1, '', '') } })
  const { listenPort } = await there.tunnel.snapshot()
  const text = conf(0, more, `Endpoint = 127.0.0.1:${listenPort}`)
  const here = await openNetstackTunnel({ config: { name: 'here', text } })
  return {
    here,
    there,
    text,
    async [Symbol.asyncDispose]() {
      await here.close()
      await there.close()
    },
  }
}

function keyPair(): { privateKey: string; publicKey: string } {
  const jwk = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  const base64 = (part: string): string => Buffer.from(part, 'base64url').toString('base64')
  return { privateKey: base64(jwk.d!), publicKey: base64(jwk.x!) }
}
