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
    const { received } = await ping(one.host, two.v4, '-c 10 -i 0.05 -W 5')
    expect(received).toBeGreaterThanOrEqual(8)
    // What it has not read from the kernel when it ends is lost.
    await sleep(1_000)
    await tcpdump.stop()
    expect(statSync(keyLog).mode & 0o777).toBe(0o600)

    const fields = [
      'wg.type',
      'wg.static',
      'wg.handshake_ok',
      'icmp.type',
      'wg.decryption_error',
      'wg.bad_packet_length',
    ]
    const options = ['-r', capture, '-o', `wg.keylog_file:${keyLog}`, '-Y', 'wg', '-T', 'fields', '-E', 'occurrence=f']
    const text = await two.host.run('tshark', [...options, ...fields.flatMap((field) => ['-e', field])], {
      seconds: 200,
    })
    const rows = text
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split('\t'))
    const [initiations, responses] = ['1', '2'].map((type) => rows.filter((row) => row[0] === type))
    // Both messages of the handshake: who it was, and that the second answers the first.
    expect(initiations!.map((row) => row[1])).toEqual([one.keys.publicKey])
    expect(responses!.map((row) => row[2])).toEqual(['1'])
    expect(rows.filter((row) => row[3] === '8')).toHaveLength(10)
    expect(rows.filter((row) => row[3] === '0').length).toBeGreaterThanOrEqual(received)
    expect(rows.filter((row) => row[4] || row[5])).toEqual([])
  })
})
