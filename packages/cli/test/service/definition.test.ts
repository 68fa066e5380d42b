import { expect, test } from 'vitest'
import { serviceDefinition } from '../../src/internal/service/definition.js'

const wishes = {
  name: 'wg0',
  node: 'C:\\Program Files\\nodejs\\node.exe',
  program: 'C:\\Program Files\\R&D\\wireweave.js',
  config: 'C:\\Program Files\\Wireweave\\wg0.conf',
  adapter: null,
  hooks: false,
}

test('the service runs "up" in the foreground, with every path quoted and escaped', () => {
  const text = serviceDefinition(wishes)
  expect(text).toContain('<id>wireweave-wg0</id>')
  expect(text).toContain('<executable>C:\\Program Files\\nodejs\\node.exe</executable>')
  expect(text).toContain(
    '<arguments>&quot;C:\\Program Files\\R&amp;D\\wireweave.js&quot; up --foreground --no-hooks ' +
      '&quot;C:\\Program Files\\Wireweave\\wg0.conf&quot;</arguments>',
  )
  expect(text.match(/<depend>/g)).toHaveLength(2)
})

test('an adapter that was asked for is asked for by the service', () => {
  expect(serviceDefinition({ ...wishes, adapter: 'wintun' })).toContain(
    '--foreground --adapter wintun --no-hooks &quot;',
  )
})

test('hooks, which LocalSystem would run, run when that is said alone', () => {
  expect(serviceDefinition({ ...wishes, hooks: true })).toContain('up --foreground &quot;')
})

test('a path with a quote cannot break out of the command line', () => {
  expect(() => serviceDefinition({ ...wishes, config: 'C:\\a" --evil "b.conf' })).toThrow(RangeError)
})
