import { expect, test } from 'vitest'
import type { HostAction, HostStep } from '../src/action.js'
import { runPlan, undoAll } from '../src/run.js'
import type { Host } from '../src/run.js'

const hook = (command: string): HostAction => ({ tag: 'hook', command })
const program = (args: string): HostAction => ({ tag: 'command', program: '/bin/x', args: [args], input: '' })
const steps: HostStep[] = [
  { do: hook('a'), undo: hook('undo a') },
  { do: hook('b'), undo: null },
  { do: program('c'), undo: program('undo c') },
  { do: hook('d'), undo: hook('undo d') },
]

function fake(behaviour: (action: string) => boolean | Promise<boolean> = () => true): { host: Host; seen: string[] } {
  const seen: string[] = []
  const perform = (action: HostAction): boolean | Promise<boolean> => {
    const text = action.tag === 'hook' ? action.command : action.tag === 'command' ? action.args[0]! : action.tag
    seen.push(text)
    return behaviour(text)
  }
  return { host: { perform }, seen }
}

test('undoing goes backwards, once', async () => {
  const { host, seen } = fake()
  const done = await runPlan(steps, host)
  await done.undo()
  await done.undo()
  expect(seen).toEqual(['a', 'b', 'c', 'd', 'undo d', 'undo c', 'undo a'])
})

test('a failure takes back what was done, and what a program may have done by half', async () => {
  for (const [failing, expected] of [
    ['a', ['a']],
    ['b', ['a', 'b', 'undo a']],
    ['c', ['a', 'b', 'c', 'undo c', 'undo a']],
    ['d', ['a', 'b', 'c', 'd', 'undo c', 'undo a']],
  ] as const) {
    const { host, seen } = fake((text) => {
      if (text === failing) throw new Error('no')
      return true
    })
    await expect(runPlan(steps, host)).rejects.toMatchObject({ code: 'SYSTEM', message: 'no' })
    expect(seen).toEqual(expected)
  }
})

test('what was there before is not taken back', async () => {
  const { host, seen } = fake((text) => text !== 'a')
  await (await runPlan(steps, host)).undo()
  expect(seen).not.toContain('undo a')
})

test('giving up during the last step still takes everything back', async () => {
  const controller = new AbortController()
  const { host, seen } = fake((text) => {
    if (text === 'd') controller.abort()
    return true
  })
  await expect(runPlan(steps, host, { signal: controller.signal })).rejects.toMatchObject({ code: 'ABORTED' })
  expect(seen.slice(-3)).toEqual(['undo d', 'undo c', 'undo a'])
})

test('one failing removal does not keep the others from happening, and is told', async () => {
  const { host, seen } = fake((text) => {
    if (text === 'b') throw new Error('stuck')
    return true
  })
  await expect(undoAll([hook('a'), hook('b'), hook('c')], host)).rejects.toThrow(
    'left behind, because "b" failed: stuck',
  )
  expect(seen).toEqual(['a', 'b', 'c'])
})

test('a long plan lets timers run in between', async () => {
  let ticks = 0
  const timer = setInterval(() => ticks++, 0)
  const { host } = fake()
  await runPlan(
    Array.from({ length: 50_000 }, () => steps[1]!),
    host,
  )
  clearInterval(timer)
  expect(ticks).toBeGreaterThan(0)
})
