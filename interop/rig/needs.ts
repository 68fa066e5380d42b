/** What a test file needs of the machine. Without it the tests are skipped and say so; where skipping is forbidden, they fail. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'vitest'

export interface Need {
  /** Completes "needs …". */
  readonly what: string
  isThere(): boolean
}

const isStrict = Boolean(process.env['CI'] || process.env['WIREWEAVE_NO_SKIP'])

const root: Need = { what: 'root', isThere: () => process.getuid?.() === 0 }
const tun: Need = { what: '/dev/net/tun', isThere: () => existsSync('/dev/net/tun') }

/** A program of a Debian package. */
export function program(name: string, debianPackage: string): Need {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']
  return {
    what: `the Debian package ${debianPackage}`,
    isThere: () => folders.some((folder) => existsSync(path.join(folder, name))),
  }
}

const always: readonly Need[] = [
  root,
  tun,
  program('ip', 'iproute2'),
  program('unshare', 'util-linux'),
  program('ping', 'iputils-ping'),
  program('wg', 'wireguard-tools'),
]

/** `describe` for tests that need `needs` besides root, a TUN and the usual tools. */
export function describeWith(title: string, needs: readonly Need[], body: () => void): void {
  const missing = [...always, ...needs].filter((need) => !need.isThere()).map((need) => need.what)
  const why = `${title} (needs ${missing.join(', ')})`
  if (missing.length === 0) describe(title, body)
  else if (isStrict)
    test(why, () => {
      throw new Error(`missing here: ${missing.join(', ')}`)
    })
  else describe.skip(why, body)
}
