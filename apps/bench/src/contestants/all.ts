import type { Contestant } from './contestant.js'
import { daemons } from './daemons.js'
import { kernelContestants } from './kernel.js'
import { netstack } from './netstack.js'
import { openvpns } from './openvpn.js'
import { windowsContestants } from './windows.js'

const RANKS = { adapter: 0, rival: 1, ceiling: 2 }

/** Ours first, the ceiling last: the order of every table. */
export const contestants: readonly Contestant[] = [
  ...daemons,
  ...kernelContestants,
  ...windowsContestants,
  netstack,
  ...openvpns,
].sort((one, other) => RANKS[one.role] - RANKS[other.role])
