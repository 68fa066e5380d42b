/** One thing that is timed by itself. */
export interface Case {
  readonly name: string
  /** Prepares, and returns what is timed; `null` where this runtime cannot do it. */
  prepare(): (() => unknown) | null
  /** How many of what is reported one call does; 1 when absent. */
  readonly times?: number
}
