/** What is wrong with a configuration, said so that the user can mend it. */
import { WireGuardError } from '@wireweave/tunnel/errors'

export interface ConfProblem {
  /** `error`: cannot be used. `warning`: will not do what it seems to. `hint`: often a mistake. */
  readonly severity: 'error' | 'warning' | 'hint'
  /** Which rule, for programs; such as `value`, `unknown-key`, `duplicate-peer`. */
  readonly rule: string
  /** From 1; `null` when it is about the file as a whole. */
  readonly line: number | null
  /** The key or section as the manual writes it; `null` when there is none. */
  readonly key: string | null
  /** What is wrong, without a full stop. Holds no key material. */
  readonly message: string
  /** What to do, a sentence. */
  readonly remedy: string
}

/** `wg0.conf:7: warning: AllowedIPs: … . …`, on one line. */
export function formatProblem(problem: ConfProblem, file: string): string {
  const place = problem.line === null ? file : `${file}:${problem.line}`
  const severity = problem.severity === 'error' ? '' : `${problem.severity}: `
  const key = problem.key === null ? '' : `${problem.key}: `
  return `${place}: ${severity}${key}${problem.message}. ${problem.remedy}`
}

/** One error for all of them: code `CONFIG_INVALID`, a line for each problem. */
export function problemsError(problems: readonly ConfProblem[], file: string): WireGuardError {
  const errors = problems.filter((problem) => problem.severity === 'error')
  const shown = errors.slice(0, MOST_SHOWN).map((problem) => formatProblem(problem, file))
  if (errors.length > shown.length) shown.push(`${file}: ${errors.length - shown.length} more errors`)
  return new WireGuardError('CONFIG_INVALID', shown.join('\n'))
}

/**
 * `text` in quotes, for messages. What might be a key or a part of one is not shown: people paste keys into the wrong
 * line, and messages end up in logs.
 */
export function quote(text: string): string {
  if (text === '') return 'nothing'
  if (text.length > MOST_QUOTED) return `a text of ${text.length} characters`
  if (looksSecret(text)) return '(not shown: it may be a key)'
  return `"${text.replaceAll(CONTROL, '?')}"`
}

const MOST_SHOWN = 100
const MOST_QUOTED = 60
const CONTROL = /[^\u0020-\u007e\u00a1-\uffff]/g

/**
 * Whether there is a run of twelve characters of base64 that changes between capitals, small letters, digits and
 * signs as random text does. Words do not; `PersistentKeepalive25` changes four times.
 */
function looksSecret(text: string): boolean {
  let run = 0
  let changes = 0
  let last = 0
  for (let i = 0; i <= text.length; i++) {
    const kind = kindOf(text.charCodeAt(i))
    if (kind === 0) {
      if (run >= SHORTEST_SECRET && changes * 4 > run) return true
      run = changes = last = 0
      continue
    }
    if (last !== 0 && kind !== last) changes++
    last = kind
    run++
  }
  return false
}

const SHORTEST_SECRET = 12

/** 0: not base64. */
function kindOf(code: number): number {
  if (code >= 97 && code <= 122) return 1
  if (code >= 65 && code <= 90) return 2
  if (code >= 48 && code <= 57) return 3
  return code === 43 || code === 47 || code === 61 ? 4 : 0
}
