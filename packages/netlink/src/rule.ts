/** Policy rules (rtnetlink, linux/fib_rules.h): add, delete, list. */
import { AF_INET, AF_INET6 } from '@wireweave/ffi/linux'
import { MessageWriter, NLM_F_CREATE, NLM_F_EXCL, readAttributes, readU32 } from './message.js'
import type { NetlinkSocket } from './socket.js'

const RTM_NEWRULE = 32
const RTM_DELRULE = 33
const RTM_GETRULE = 34
const FRA_PRIORITY = 6
const FRA_FWMARK = 10
const FRA_SUPPRESS_PREFIXLEN = 14
const FRA_TABLE = 15
/** family, destination length, source length, tos, table, two reserved, action u8; flags u32. */
const RULE_BYTES = 12
const FR_ACT_TO_TBL = 1
const FIB_RULE_INVERT = 2
const NO_SUPPRESSION = 0xffffffff

/** Packets that match look a table up. */
export interface Rule {
  readonly family: 4 | 6
  readonly table: number
  /** Matches packets with this mark, or with any other when `invert`; `null` matches all. */
  readonly fwmark: number | null
  readonly invert: boolean
  /** Ignores what the table says by prefixes of this length or shorter; `null` for no such thing. */
  readonly suppressPrefixLength: number | null
  /** Lower goes first; absent when adding: just before the rules that are there. */
  readonly priority?: number
}

/** Throws a `NetlinkError` with EEXIST when there is such a rule. */
export function addRule(socket: NetlinkSocket, rule: Rule): void {
  const message = ruleMessage(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule)
  socket.request(message.finish(), `adding a rule for table ${rule.table}`)
}

/** The first that matches. Throws a `NetlinkError` with ENOENT when there is none. */
export function deleteRule(socket: NetlinkSocket, rule: Rule): void {
  socket.request(ruleMessage(RTM_DELRULE, 0, rule).finish(), `deleting a rule for table ${rule.table}`)
}

/** Rules that look a table up, in order of priority. */
export function listRules(socket: NetlinkSocket, family: 4 | 6): Rule[] {
  const header = new Uint8Array(RULE_BYTES)
  header[0] = family === 4 ? AF_INET : AF_INET6
  const message = new MessageWriter(RTM_GETRULE, 0).raw(header)
  return socket
    .dump(message.finish(), 'listing rules')
    .filter((payload) => payload[0] === header[0] && payload[7] === FR_ACT_TO_TBL)
    .map(readRule)
}

export function sameRule(left: Rule, right: Rule): boolean {
  return (
    left.family === right.family &&
    left.table === right.table &&
    left.fwmark === right.fwmark &&
    left.invert === right.invert &&
    left.suppressPrefixLength === right.suppressPrefixLength
  )
}

function readRule(payload: Uint8Array): Rule {
  const attributes = readAttributes(payload.subarray(RULE_BYTES))
  const number = (type: number): number | null => {
    const value = attributes.get(type)
    return value === undefined ? null : readU32(value)
  }
  const flags = new DataView(payload.buffer, payload.byteOffset).getUint32(8, true)
  const suppress = number(FRA_SUPPRESS_PREFIXLEN)
  return {
    family: payload[0] === AF_INET ? 4 : 6,
    table: number(FRA_TABLE) ?? payload[4]!,
    fwmark: number(FRA_FWMARK),
    invert: (flags & FIB_RULE_INVERT) !== 0,
    suppressPrefixLength: suppress === NO_SUPPRESSION ? null : suppress,
    priority: number(FRA_PRIORITY) ?? 0,
  }
}

function ruleMessage(type: number, flags: number, rule: Rule): MessageWriter {
  const header = new Uint8Array(RULE_BYTES)
  header[0] = rule.family === 4 ? AF_INET : AF_INET6
  if (rule.table < 256) header[4] = rule.table
  header[7] = FR_ACT_TO_TBL
  if (rule.invert) new DataView(header.buffer).setUint32(8, FIB_RULE_INVERT, true)
  const message = new MessageWriter(type, flags).raw(header).u32(FRA_TABLE, rule.table)
  if (rule.fwmark !== null) message.u32(FRA_FWMARK, rule.fwmark)
  if (rule.suppressPrefixLength !== null) message.u32(FRA_SUPPRESS_PREFIXLEN, rule.suppressPrefixLength)
  if (rule.priority !== undefined) message.u32(FRA_PRIORITY, rule.priority)
  return message
}
