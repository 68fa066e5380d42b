import { expect, test } from 'vitest'
import { isHost, isLoopback, parseTarget } from '../src/address.js'
import { parseDestination, parseForward, parsePlace, parseReverse } from '../src/forward.js'

test.each([
  ['1080', '127.0.0.1', 1080],
  ['localhost:1080', 'localhost', 1080],
  ['[::1]:1080', '::1', 1080],
  ['*:1080', '::', 1080],
  [':1080', '::', 1080],
  ['0.0.0.0:0', '0.0.0.0', 0],
])('-D %s listens on %s port %i', (text, host, port) => {
  expect(parsePlace('-D', text)).toEqual({ host, port })
})

test.each(['', 'x', '65536', '-1', '1080 ', '10.0.0.1', 'a b:1', '1080/udp'])('-D %j is not understood', (text) => {
  expect(() => parsePlace('-D', text)).toThrow(/^-D .* is not understood\. Write \[bind:\]port/)
})

test.each([
  ['5432:db.example:5432', '127.0.0.1', 5432, 'db.example', 5432, 'tcp'],
  ['53:10.0.0.1:53/udp', '127.0.0.1', 53, '10.0.0.1', 53, 'udp'],
  ['[::1]:80:[fd00::1]:8080', '::1', 80, 'fd00::1', 8080, 'tcp'],
  ['*:80:a:1/tcp', '::', 80, 'a', 1, 'tcp'],
])('-L %s', (text, host, port, targetHost, targetPort, protocol) => {
  const target = { host: targetHost, port: targetPort }
  expect(parseForward(text)).toEqual({ kind: 'forward', protocol, host, port, target })
})

test.each([
  '',
  '80',
  '80:host',
  '80:host:',
  '80:host:0',
  '80:fd00::1:80',
  'a:b:80:c:1',
  '80:host:80/sctp',
  '80:ho st:80',
])('-L %j is not understood', (text) => {
  expect(() => parseForward(text)).toThrow(/^-L .* is not understood/)
})

test('-R listens on every address of the tunnel unless it names one', () => {
  const target = { host: 'localhost', port: 3000 }
  const reverse = { kind: 'reverse', protocol: 'tcp', port: 80, target }
  for (const bind of ['', '*:', '0.0.0.0:', '[::]:']) expect(parseReverse(`${bind}80:localhost:3000`)).toEqual(reverse)
  expect(parseReverse('10.0.0.2:80:localhost:3000')).toEqual({ ...reverse, host: '10.0.0.2' })
})

test('a destination has a host and a port', () => {
  expect(parseDestination('-W', '[fd00::1]:22')).toEqual({ host: 'fd00::1', port: 22 })
  expect(() => parseDestination('-W', 'host')).toThrow('-W host is not understood. Write host:port')
})

test('what is a host', () => {
  for (const host of ['a', 'a.b.', '_dmarc.a', 'xn--bcher-kva.example', '10.0.0.1', 'fd00::1'])
    expect(isHost(host)).toBe(true)
  for (const host of ['', '.', 'a..b', '-a', 'a b', 'a/b', 'ä', `${'a'.repeat(64)}.b`, 'a\0', 'a:1'])
    expect(isHost(host)).toBe(false)
  expect(parseTarget(`${'a.'.repeat(127)}a:1`)).toBe(null)
})

test('what is loopback', () => {
  for (const host of ['127.0.0.1', '127.255.0.9', '::1', 'LOCALHOST', '::ffff:127.0.0.1'])
    expect(isLoopback(host)).toBe(true)
  for (const host of ['::', '0.0.0.0', '128.0.0.1', '::2', '::ffff:10.0.0.1', 'localhost.example'])
    expect(isLoopback(host)).toBe(false)
})
