/** The keys that a file may hold, and how a mistyped one is recognized. */

export type SectionName = 'interface' | 'peer'

export interface KnownKey {
  /** As the manuals write it. */
  readonly name: string
  readonly section: SectionName
  /** Read by `wg-quick`; `wg setconf` knows the others. */
  readonly quick: boolean
  /** May be repeated: the values add up. */
  readonly repeats: boolean
}

const LIST: readonly (readonly [name: string, section: SectionName, flags: string])[] = [
  ['PrivateKey', 'interface', ''],
  ['ListenPort', 'interface', ''],
  ['FwMark', 'interface', ''],
  ['Address', 'interface', 'quick repeats'],
  ['DNS', 'interface', 'quick repeats'],
  ['MTU', 'interface', 'quick'],
  ['Table', 'interface', 'quick'],
  ['PreUp', 'interface', 'quick repeats'],
  ['PostUp', 'interface', 'quick repeats'],
  ['PreDown', 'interface', 'quick repeats'],
  ['PostDown', 'interface', 'quick repeats'],
  ['SaveConfig', 'interface', 'quick'],
  ['PublicKey', 'peer', ''],
  ['PresharedKey', 'peer', ''],
  ['AllowedIPs', 'peer', 'repeats'],
  ['Endpoint', 'peer', ''],
  ['PersistentKeepalive', 'peer', ''],
]

const KEYS: ReadonlyMap<string, KnownKey> = new Map(
  LIST.map(([name, section, flags]) => [
    name.toLowerCase(),
    { name, section, quick: flags.includes('quick'), repeats: flags.includes('repeats') },
  ]),
)

/** By the lower-case name. */
export function knownKey(name: string): KnownKey | undefined {
  return KEYS.get(name)
}

/** The key that was probably meant: at most two letters away. `null` when nothing is near. */
export function nearestKey(name: string): KnownKey | null {
  let nearest: KnownKey | null = null
  let least = 3
  for (const [lower, known] of KEYS) {
    if (Math.abs(lower.length - name.length) > 2) continue
    const distance = editDistance(lower, name)
    if (distance < least) {
      nearest = known
      least = distance
    }
  }
  return nearest
}

/** Keys of AmneziaWG, which is another protocol on the wire. */
export function isAmneziaKey(name: string): boolean {
  return /^(jc|jmin|jmax|itime|[his][1-5]|j[1-3])$/.test(name)
}

/** Levenshtein distance of two short texts. */
function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, i) => i)
  for (let i = 1; i <= left.length; i++) {
    const row = [i]
    for (let j = 1; j <= right.length; j++) {
      const change = previous[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1)
      row.push(Math.min(change, previous[j]! + 1, row[j - 1]! + 1))
    }
    previous = row
  }
  return previous[right.length]!
}
