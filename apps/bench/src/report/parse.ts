/** Reads report files, which may come from anybody. */
import { metrics } from '../run/metrics.js'
import { FORMAT } from './report.js'
import type { Report } from './report.js'

type Check = (value: unknown) => boolean

/** Throws an Error that says what is wrong with it. */
export function parseReport(text: string, name: string): Report {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error(`${name} is not JSON; wireweave-bench run --json writes a report`)
  }
  if ((value as { format?: unknown } | null)?.format !== FORMAT)
    throw new Error(`${name} is not a report of this version of wireweave-bench (${FORMAT}); run it again`)
  const damaged = Object.entries(CHECKS).find(([key, check]) => !check((value as Record<string, unknown>)[key]))
  if (damaged !== undefined) throw new Error(`${name} is damaged: its "${damaged[0]}" is not what a run writes`)
  return value as Report
}

const number: Check = (value) => typeof value === 'number' && Number.isFinite(value)
const sample: Check = (value) => number(value) && (value as number) >= 0
const text: Check = (value) => typeof value === 'string'
const oneOf =
  (...values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value)
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)
const object =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(fields).every(([name, check]) => check((value as Record<string, unknown>)[name]))

const CHECKS: Readonly<Record<keyof Report, Check>> = {
  format: text,
  date: text,
  command: text,
  machine: object({ cpu: text, cores: number, memoryBytes: number, system: text, loadBefore: number }),
  node: text,
  generator: text,
  settings: object({ seconds: number, repeat: number, rounds: number, warmUp: text, order: text }),
  durationSeconds: number,
  contestants: listOf(
    object({
      ...{ name: text, about: text, version: text, tool: text, pingTool: text },
      ...{ role: oneOf('adapter', 'rival', 'ceiling'), reach: oneOf('host', 'process') },
    }),
  ),
  missing: listOf(object({ name: text, why: text, remedy: text })),
  results: listOf(
    object({
      contestant: text,
      metric: oneOf(...metrics.map(({ id }) => id)),
      samples: listOf((value) => value === null || sample(value)),
      failure: (value) => value === undefined || text(value),
    }),
  ),
  latencies: listOf(
    object({
      contestant: text,
      when: oneOf('idle', 'load'),
      samples: (value) => listOf(sample)(value) && (value as unknown[]).length > 0,
    }),
  ),
  notes: listOf(text),
}
