import type { DeviceUpdate } from '@wireweave/tunnel/config'
import type { Tunnel } from '@wireweave/tunnel/backend'
import { formatEndpoint, parseEndpoint } from '@wireweave/tunnel/ip'
import type { PublicKey } from '@wireweave/tunnel/keys'
import { expect, test } from 'vitest'
import { EndpointFollower, inTurn } from '../src/follow.js'

const peer = new Uint8Array(32).fill(1) as PublicKey
const endpoints = (...texts: string[]) => texts.map((text) => parseEndpoint(text)!)
const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

function follower(answers: string[][]) {
  const moves: string[] = []
  let lookups = 0
  const follow = new EndpointFollower({ resolve: async () => endpoints(...(answers[lookups++] ?? [])) })
  const tunnel = {
    apply: async ({ peers }: DeviceUpdate) => void moves.push(formatEndpoint(peers![0]!.endpoint!)),
  } as unknown as Tunnel
  return { follow, tunnel, moves, lookups: () => lookups }
}

test('IPv4 and IPv6 take turns, beginning with the family that failed not; the failed address comes last', () => {
  const list = endpoints('1.1.1.1:1', '2.2.2.2:1', '[::1]:1', '3.3.3.3:1')
  expect(inTurn(list, list[0]!).map(formatEndpoint)).toEqual(['[::1]:1', '2.2.2.2:1', '3.3.3.3:1', '1.1.1.1:1'])
  expect(inTurn(list, null).map(formatEndpoint)).toEqual(['1.1.1.1:1', '[::1]:1', '2.2.2.2:1', '3.3.3.3:1'])
})

test('every second failed handshake tries the next address; the name is looked up when all were tried', async () => {
  const { follow, tunnel, moves, lookups } = follower([['9.9.9.9:1']])
  follow.follow(tunnel, [
    { publicKey: peer, endpoint: { host: 'h', port: 1 }, addresses: endpoints('1.1.1.1:1', '[::1]:1') },
  ])
  for (let attempt = 1; attempt <= 5; attempt++) {
    follow.onEvent({ tag: 'handshakeRetry', peer, attempt, seconds: 5 })
    await turn()
  }
  expect(moves).toEqual(['[::1]:1', '9.9.9.9:1'])
  expect(lookups()).toBe(1)
  follow.onEvent({ tag: 'handshakeGaveUp', peer, attempts: 18 })
  await turn()
  expect(lookups()).toBe(2)
})

test('after a session the name is looked up anew: other addresses of before may be days old', async () => {
  const { follow, tunnel, moves, lookups } = follower([['9.9.9.9:1', '1.1.1.1:1']])
  const addresses = endpoints('1.1.1.1:1', '[::1]:1')
  follow.follow(tunnel, [{ publicKey: peer, endpoint: { host: 'h', port: 1 }, addresses }])
  follow.onEvent({ tag: 'sessionEstablished', peer, role: 'initiator' })
  follow.onEvent({ tag: 'handshakeRetry', peer, attempt: 2, seconds: 5 })
  await turn()
  expect(moves).toEqual(['9.9.9.9:1'])
  expect(lookups()).toBe(1)
})

test('nothing happens without a failed handshake, for peers without a name, or after it was stopped', async () => {
  const { follow, tunnel, moves, lookups } = follower([['9.9.9.9:1']])
  follow.follow(tunnel, [{ publicKey: peer, endpoint: { host: 'h', port: 1 }, addresses: endpoints('1.1.1.1:1') }])
  follow.onEvent({ tag: 'sessionEstablished', peer, role: 'initiator' })
  follow.onEvent({ tag: 'handshakeGaveUp', peer: new Uint8Array(32).fill(2) as PublicKey, attempts: 18 })
  await turn()
  follow.stop()
  follow.onEvent({ tag: 'handshakeGaveUp', peer, attempts: 18 })
  await turn()
  expect(moves).toEqual([])
  expect(lookups()).toBe(0)
})
