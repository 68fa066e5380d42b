/** The statistics of a careful reader: medians and spread, and ratios taken pair by pair. */

const EXACT_SAMPLES = 60

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

/**
 * How likely it is that samples of one and the same thing fall as far apart as these or farther: the exact two-sided
 * rank-sum test of Mann and Whitney, every division of the pooled ranks counted. Ties share their ranks. Of more than
 * `exactUpTo` samples the divisions are too many, and their sums are as good as normally distributed.
 */
export function rankSumP(one: readonly number[], other: readonly number[], exactUpTo: number = EXACT_SAMPLES): number {
  if (one.length === 0 || other.length === 0) throw new RangeError('no samples')
  const ranks = sharedRanks([...one, ...other])
  const observed = ranks.slice(0, one.length).reduce((sum, rank) => sum + rank, 0)
  if (ranks.length > exactUpTo) return normalRankSumP(ranks, one.length, observed)
  const counts = rankSums(ranks, one.length)
  // Ranks are doubled, so that shared ones stay whole.
  const expected = one.length * (one.length + other.length + 1)
  const distance = Math.abs(observed - expected)
  let all = 0
  let asFar = 0
  counts.forEach((count, sum) => {
    all += count
    if (Math.abs(sum - expected) >= distance) asFar += count
  })
  return asFar / all
}

/** With the variance that ties leave, and half a rank of continuity. Ranks are doubled. */
function normalRankSumP(ranks: readonly number[], size: number, observed: number): number {
  const total = ranks.length
  const mean = total + 1
  const spread = ranks.reduce((sum, rank) => sum + (rank - mean) ** 2, 0)
  const deviation = Math.sqrt((size * (total - size) * spread) / (total * (total - 1)))
  const distance = Math.max(0, Math.abs(observed - size * mean) - 1)
  return deviation === 0 ? 1 : Math.min(1, 2 * normalTail(distance / deviation))
}

/** How much of the normal distribution lies beyond `z`: Abramowitz and Stegun 26.2.17, to 1e-7. */
function normalTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z)
  const polynomial = ((((1.330274429 * t - 1.821255978) * t + 1.781477937) * t - 0.356563782) * t + 0.31938153) * t
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * polynomial
}

/** The least that {@link rankSumP} can return for so many samples that all differ: 0.1 for three against three. */
export function leastRankSumP(one: number, other: number): number {
  let divisions = 1
  for (let i = 1; i <= one; i++) divisions = (divisions * (other + i)) / i
  return Math.min(1, 2 / divisions)
}

/** Twice the rank of each value, equal values having the mean of theirs. */
function sharedRanks(values: readonly number[]): number[] {
  const sorted = values.toSorted((a, b) => a - b)
  return values.map((value) => sorted.indexOf(value) + sorted.lastIndexOf(value) + 2)
}

/** In how many ways `size` of the ranks can be chosen so that they add up to each sum. */
function rankSums(ranks: readonly number[], size: number): number[] {
  const most = ranks.reduce((sum, rank) => sum + rank, 0)
  const ways = Array.from({ length: size + 1 }, () => new Array<number>(most + 1).fill(0))
  ways[0]![0] = 1
  for (const rank of ranks) {
    for (let chosen = size; chosen > 0; chosen--) {
      for (let sum = most; sum >= rank; sum--) ways[chosen]![sum]! += ways[chosen - 1]![sum - rank]!
    }
  }
  return ways[size]!
}
