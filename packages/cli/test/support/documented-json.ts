/** What docs/json.md says that commands print. */
import { readFileSync } from 'node:fs'

const text = readFileSync(new URL('../../../../docs/json.md', import.meta.url), 'utf8')

/** The first example of a command. */
export function documentedJson(command: string): unknown {
  const section = text.split(/^## /m).find((each) => each.startsWith(`${command}\n`)) ?? ''
  const example = /^```json\n([\s\S]*?)^```/m.exec(section)?.[1]
  if (example === undefined) throw new Error(`docs/json.md has no example of ${command}`)
  return JSON.parse(example)
}

/**
 * The fields of a value and of what is in it, values replaced by their kinds, lists by their first item: two that are alike
 * compare as equal. `like` tells what may stand where this value has `null` or an empty list.
 */
function shapeOf(value: unknown, like: unknown = value): unknown {
  if (value === null || (Array.isArray(value) && value.length === 0)) return like === value ? value : shapeOf(like)
  if (Array.isArray(value)) return [shapeOf(value[0], Array.isArray(like) ? like[0] : undefined)]
  if (typeof value !== 'object') return typeof value
  const fields = (like ?? {}) as Record<string, unknown>
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shapeOf(each, fields[key] ?? each)]))
}

/** The shape of `value` beside that of the example, for `toEqual`. Where either has `null`, the other's kind counts. */
export function shapes(command: string, value: unknown): [actual: unknown, documented: unknown] {
  const example = documentedJson(command)
  return [shapeOf(value, example), shapeOf(example, value)]
}
