/** The statistics of a careful reader: medians and spread, and ratios taken pair by pair. */

export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly samples: number
}

export function summarize(samples: readonly number[]): Summary {
  if (samples.length === 0) throw new RangeError('no samples')
  const sorted = [...samples].sort((a, b) => a - b)
  return { median: quantile(sorted, 0.5), min: sorted[0]!, max: sorted.at(-1)!, samples: sorted.length }
}

/** The value below which a fraction `q` of `sorted` lies, interpolated between neighbours. */
export function quantile(sorted: readonly number[], q: number): number {
  const position = (sorted.length - 1) * q
  const below = Math.floor(position)
  const share = position - below
  return sorted[below]! * (1 - share) + (sorted[below + 1] ?? sorted[below]!) * share
}

/**
 * The ratio ours/theirs of each round, in which the two were measured one after the other: what slows the machine for a
 * while slows both. Summarized, not divided as medians, so that the spread is that of the ratio.
 */
export function ratios(ours: readonly number[], theirs: readonly number[]): Summary {
  if (ours.length !== theirs.length) throw new RangeError('rounds do not pair up')
  return summarize(ours.map((value, i) => value / theirs[i]!))
}
