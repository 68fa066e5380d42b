/** A sample as lines that are appended: for pipes, logs and programs. */
import { formatKey } from '@wireweave/tunnel/keys'
import type { PeerSnapshot } from '@wireweave/tunnel/config'
import { handshakeSeconds, peerState } from './peer-state.js'
import { deviceJson, jsonText } from './show-json.js'
import { shortBytesText, shortDurationText } from './units.js'
import { NO_RATES } from './watch-samples.js'
import type { InterfaceSample, Sample } from './watch-samples.js'

/** NDJSON: a line for each interface, in the shape of `show --json` with `time` and `interface` in front. */
export function jsonLines({ time, interfaces }: Sample, showKeys: boolean): string[] {
  return interfaces.map(({ name, state, problem, names, rates }) => {
    const head = { time, interface: name }
    if (state === null) return jsonText({ ...head, error: problem! })
    const more = (peer: PeerSnapshot): { rxBytesPerSecond: number; txBytesPerSecond: number } => {
      const { rx, tx } = rates.get(formatKey(peer.publicKey)) ?? NO_RATES
      return { rxBytesPerSecond: rx, txBytesPerSecond: tx }
    }
    return jsonText({ ...head, ...deviceJson(state, { names, showKeys, now: time, more }) })
  })
}

/** Plain text: a line for each peer about which anything is new since the last sample. */
export class ChangeLines {
  #last = new Map<string, string>()

  next({ time, interfaces }: Sample): string[] {
    const lines: string[] = []
    const seen = new Map<string, string>()
    const stamp = new Date(time * 1000).toISOString().replace(/\.\d+Z$/, 'Z')
    const note = (id: string, facts: string, text: string): void => {
      seen.set(id, facts)
      if (this.#last.get(id) !== facts) lines.push(`${stamp} ${text}`)
    }
    for (const each of interfaces) {
      if (each.state === null) note(each.name, each.problem!, `${each.name}: ${each.problem}`)
      else {
        const { peers } = each.state.snapshot
        note(each.name, 'up', `${each.name}: ${peers.length} ${peers.length === 1 ? 'peer' : 'peers'}`)
        for (const peer of peers) this.#notePeer(each, peer, time, note)
      }
    }
    for (const id of this.#last.keys())
      if (!seen.has(id) && !id.includes(' ')) lines.push(`${stamp} ${id}: the interface is gone`)
    this.#last = seen
    return lines
  }

  #notePeer(
    { name, names, rates }: InterfaceSample,
    peer: PeerSnapshot,
    time: number,
    note: (id: string, facts: string, text: string) => void,
  ): void {
    const key = formatKey(peer.publicKey)
    const state = peerState(peer, time)
    const handshake = handshakeSeconds(peer)
    const age = handshake === 0 ? '' : `, handshake ${shortDurationText(time - handshake)} ago`
    const { rx, tx } = rates.get(key) ?? NO_RATES
    const rate = `, rx ${shortBytesText(rx)}/s, tx ${shortBytesText(tx)}/s`
    const facts = `${state} ${handshake} ${peer.rxBytes} ${peer.txBytes}`
    note(`${name} ${key}`, facts, `${name} ${names.get(key) ?? key}: ${state}${age}${rate}`)
  }
}
