/**
 * OpenVPN 2.6 in user space: peer to peer over UDP and TLS, with certificates made for the run. Data-channel offload is
 * switched off: it is a kernel data path, and few kernels have it.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { command } from '../run/command.js'
import type { Side, Topology } from '../run/topology.js'
import { hostTraffic } from '../traffic/host-traffic.js'
import { innerOf, topologyOf } from './contestant.js'
import type { Contestant } from './contestant.js'
import { endProcess, startInside, usageOf, whereIs } from './processes.js'
import type { Started } from './processes.js'

function openvpn(name: string, cipher: string): Contestant {
  return {
    ...{ name, role: 'rival', reach: 'host', system: 'linux' },
    about: `OpenVPN in user space, ${cipher}, UDP, TUN; no data-channel offload`,
    async find() {
      const file = whereIs('openvpn')
      if (file === null) return { missing: 'not installed', remedy: 'apt-get install openvpn' }
      if (whereIs('openssl') === null)
        return { missing: 'openssl is needed for its certificates', remedy: 'apt-get install openssl' }
      const { stdout } = await command('sh', ['-c', '"$0" --version | head -n 1', file])
      return { version: stdout.split(' ').slice(0, 2).join(' ') }
    },
    async open(place, slot) {
      const topology = topologyOf(place)
      const inner = innerOf(slot)
      const certificates = await makeCertificates(topology, slot)
      const names = { a: `${topology.tag}${slot}a`, b: `${topology.tag}${slot}b` }
      const pids: number[] = []
      for (const side of ['b', 'a'] as const) {
        const started = await start(topology, side, names[side], slot, certificates, cipher)
        pids.push(started.pid)
      }
      const traffic = hostTraffic(place, inner)
      await traffic.reach()
      return { traffic, usage: () => Promise.resolve(usageOf(pids)) }
    },
    async startOnce(place, name) {
      const topology = topologyOf(place)
      const certificates = await makeCertificates(topology, TRIAL_SLOT)
      const { readyMs, child } = await start(topology, 'a', name, TRIAL_SLOT, certificates, cipher)
      await endProcess(child)
      return readyMs
    },
  }
}

/** For the program that is started only to time it. */
const TRIAL_SLOT = 250

interface Certificates {
  readonly files: Readonly<Record<Side, string>>
  readonly fingerprints: Readonly<Record<Side, string>>
}

const made = new Map<string, Certificates>()

/** Self-signed, each side knowing the other's fingerprint. Gone with the folder of the topology. */
async function makeCertificates(topology: Topology, slot: number): Promise<Certificates> {
  const known = made.get(`${topology.folder}/${slot}`)
  if (known !== undefined) return known
  const base = (side: Side): string => path.join(topology.folder, `openvpn-${slot}${side}`)
  const fingerprints: Record<string, string> = {}
  for (const side of ['a', 'b'] as const) {
    const request = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-noenc',
      '-days',
      '2',
    ]
    const out = ['-subj', `/CN=${side}`, '-keyout', `${base(side)}.key`, '-out', `${base(side)}.crt`]
    await command('openssl', [...request, ...out])
    const { stdout } = await command('openssl', [
      'x509',
      '-fingerprint',
      '-sha256',
      '-noout',
      '-in',
      `${base(side)}.crt`,
    ])
    fingerprints[side] = stdout.split('=')[1]!.trim()
  }
  const certificates = {
    files: { a: base('a'), b: base('b') },
    fingerprints: { a: fingerprints['a']!, b: fingerprints['b']! },
  }
  made.set(`${topology.folder}/${slot}`, certificates)
  return certificates
}

/** Ready when it says that its interface is open; the handshake follows and is not part of it. */
async function start(
  topology: Topology,
  side: Side,
  name: string,
  slot: number,
  { files, fingerprints }: Certificates,
  cipher: string,
): Promise<Started> {
  const other = side === 'a' ? 'b' : 'a'
  const inner = innerOf(slot)
  const port = 53000 + slot
  const lines = [
    `dev ${name}`,
    'dev-type tun',
    `ifconfig ${inner[side]} ${inner[other]}`,
    'proto udp4',
    `port ${port}`,
    `remote ${topology.underlay[other]} ${port}`,
    side === 'b' ? 'tls-server' : 'tls-client',
    ...(side === 'b' ? ['dh none'] : []),
    `cert ${files[side]}.crt`,
    `key ${files[side]}.key`,
    `peer-fingerprint ${fingerprints[other]}`,
    `data-ciphers ${cipher}`,
    'disable-dco',
    // As the others: what fits a WireGuard packet of 1500 bytes.
    'tun-mtu 1420',
    'fast-io',
    'sndbuf 4194304',
    'rcvbuf 4194304',
    'verb 3',
  ]
  const config = path.join(topology.folder, `openvpn-${slot}${side}.conf`)
  writeFileSync(config, `${lines.join('\n')}\n`, { mode: 0o600 })
  const file = whereIs('openvpn')
  if (file === null) throw new Error('openvpn is missing: apt-get install openvpn')
  return startInside(topology, side, [file, '--config', config], {
    isReady: (output) => output.includes(`TUN/TAP device ${name} opened`),
  })
}

export const openvpns: readonly Contestant[] = [
  openvpn('openvpn-chacha20', 'CHACHA20-POLY1305'),
  openvpn('openvpn-aes256', 'AES-256-GCM'),
]
