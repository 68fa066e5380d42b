/** A third party reads our traffic: Wireshark decrypts a capture with the key log. */
import { statSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { eventually } from '../rig/command.js'
import { ours } from '../rig/implementations.js'
import { generatePresharedKey } from '../rig/keys.js'
import { Lab } from '../rig/lab.js'
import { describeWith, program } from '../rig/needs.js'
import { connect, wiredPair } from '../rig/topologies.js'
import { ping } from '../rig/traffic.js'

describeWith('tshark', [ours.need, program('tshark', 'tshark'), program('tcpdump', 'tcpdump')], () => {
  test.each([
    ['the initiator', 0, undefined],
    ['the responder', 1, undefined],
    ['the initiator, with a preshared key', 0, generatePresharedKey],
    ['the responder, with a preshared key', 1, generatePresharedKey],
  ])('decrypts everything with the key log of %s', async (_, which, presharedKey) => {
    await using lab = await Lab.open()
    const pair = await wiredPair(lab)
    const { one, two } = pair
    const keyLog = path.join(lab.folder, 'keys')
    const capture = path.join(lab.folder, 'capture.pcap')
    for (const [i, end] of [one, two].entries()) {
      // A capture on a virtual wire shows several datagrams as one where the kernel was to cut them.
      await end.start({ WIREWEAVE_OFFLOADS: 'off', ...(i === which ? { WIREWEAVE_KEYLOG: keyLog } : {}) })
      await end.up()
    }
    const tcpdump = two.host.start('tcpdump', 'tcpdump', [
      '-U',
      '--immediate-mode',
      '-i',
      'wire0',
      '-w',
      capture,
      'udp',
      'port',
      '20000',
    ])
    await eventually('tcpdump listens', () => tcpdump.output.includes('listening'))
    await connect(pair, { initiator: one, presharedKey: presharedKey?.() })
    expect(await ping(one.host, two.v4, '-c 10 -i 0.05 -W 2')).toEqual({ sent: 10, received: 10 })
    // What it has not read from the kernel when it ends is lost.
    await sleep(1_000)
    await tcpdump.stop()
    expect(statSync(keyLog).mode & 0o777).toBe(0o600)

    const read = async (filter: string, ...fields: string[]): Promise<string[][]> => {
      const options = [
        '-r',
        capture,
        '-o',
        `wg.keylog_file:${keyLog}`,
        '-Y',
        filter,
        '-T',
        'fields',
        ...fields.flatMap((field) => ['-e', field]),
      ]
      const text = await two.host.run('tshark', options, { seconds: 60 })
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split('\t'))
    }
    // Both messages of the handshake: who it was, and that the second answers the first.
    expect(await read('wg.type == 1', 'wg.static.known_pubkey')).toEqual([['1']])
    expect(await read('wg.type == 1', 'wg.static')).toEqual([[one.keys.publicKey]])
    expect(await read('wg.type == 2', 'wg.handshake_ok')).toEqual([['1']])
    const pings = await read('icmp', 'icmp.type', 'icmp.seq')
    expect(pings.filter(([type]) => type === '8')).toHaveLength(10)
    expect(pings.filter(([type]) => type === '0')).toHaveLength(10)
    expect(await read('wg.decryption_error || wg.bad_packet_length', 'frame.number')).toEqual([])
  })
})
