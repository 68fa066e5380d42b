/** The text that `wg` exchanges with a device, both ways. */
import { encodeGetAnswer, UapiReader } from '@wireweave/config/uapi'
import type { DeviceSecrets, DeviceSnapshot } from '@wireweave/tunnel/config'
import type { IpAddress } from '@wireweave/tunnel/ip'
import type { PublicKey } from '@wireweave/tunnel/keys'
import type { Case } from './case.js'

const PEERS = 1000

function snapshot(): { snapshot: DeviceSnapshot; secrets: DeviceSecrets } {
  const peers = Array.from({ length: PEERS }, (_, i) => ({
    publicKey: keyOf(i),
    hasPresharedKey: false,
    endpoint: { address: Uint8Array.of(192, 0, 2, i & 255) as IpAddress, port: 51820 },
    persistentKeepaliveInterval: 25,
    allowedIps: [{ address: Uint8Array.of(10, 0, i >>> 8, i & 255) as IpAddress, length: 32 }],
    lastHandshakeTimeNs: 1_700_000_000_000_000_000n,
    rxBytes: 123_456n,
    txBytes: 654_321n,
  }))
  return {
    snapshot: { publicKey: keyOf(PEERS), listenPort: 51820, fwmark: null, peers } as unknown as DeviceSnapshot,
    secrets: { privateKey: null, presharedKeys: peers.map(() => null) } as unknown as DeviceSecrets,
  }
}

function keyOf(i: number): PublicKey {
  const key = new Uint8Array(32).fill(7)
  key[0] = i & 255
  key[1] = i >>> 8
  return key as PublicKey
}

export const uapiCases: readonly Case[] = [
  {
    name: 'UAPI get: write a peer',
    times: PEERS,
    prepare() {
      const { snapshot: picture, secrets } = snapshot()
      return () => encodeGetAnswer(picture, secrets)
    },
  },
  {
    name: 'UAPI set: read a peer',
    times: PEERS,
    prepare() {
      const lines = Array.from({ length: PEERS }, (_, i) => {
        const key = Buffer.from(keyOf(i)).toString('hex')
        const ip = `10.0.${i >>> 8}.${i & 255}/32`
        return `public_key=${key}\nendpoint=192.0.2.1:51820\npersistent_keepalive_interval=25\nreplace_allowed_ips=true\nallowed_ip=${ip}\n`
      })
      const text = new TextEncoder().encode(`set=1\n${lines.join('')}\n`)
      return () => {
        const [request] = [...new UapiReader().read(text)]
        if (request?.tag !== 'set') throw new Error('not understood')
      }
    },
  },
]
