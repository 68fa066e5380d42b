/** What the adapters say while the kernel has no WireGuard. Looked at before the tests, which all need it. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { linuxWgBackend } from '@wireweave/adapter-linux-wg/backend'
import type { Availability } from '@wireweave/tunnel/backend'
import { openTunnel } from 'wireweave'
import type { Selection } from 'wireweave'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    withoutModule: WithoutModule
  }
}

interface WithoutModule {
  readonly probe: Availability
  readonly open: string
  /** `auto`: what it took and what it said of the rest. */
  readonly taken: string
  readonly skipped: Selection['skipped']
  readonly named: string
}

/** The program that the kernel calls to load a module. */
const HELPER = '/proc/sys/kernel/modprobe'

export default async function setup({ provide }: TestProject): Promise<void> {
  const helper = readFileSync(HELPER, 'utf8')
  writeFileSync(HELPER, '\n')
  execFileSync('modprobe', ['--remove', 'wireguard'])
  provide('withoutModule', await look())
  writeFileSync(HELPER, helper)
  execFileSync('modprobe', ['wireguard'])
}

async function look(): Promise<WithoutModule> {
  const backend = linuxWgBackend()
  let selection: Selection | null = null
  await using _ = await openTunnel({ name: 'wwa0', adapter: 'auto', onSelection: (made) => (selection = made) })
  const { backend: taken, skipped } = selection as unknown as Selection
  return {
    probe: await backend.probe(),
    open: await messageOf(backend.open({ name: 'wwa1' })),
    taken: taken.name,
    skipped,
    named: await messageOf(openTunnel({ name: 'wwa1', adapter: 'linux-wg' })),
  }
}

async function messageOf(refused: Promise<unknown>): Promise<string> {
  try {
    await refused
    return 'it worked'
  } catch (error) {
    return (error as Error).message
  }
}
