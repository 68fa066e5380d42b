/** Our tables of offsets against the C compiler's. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { MIB_IPINTERFACE_ROW } from '@wireweave/ffi/win32/ip-interface'
import { loadDll } from '@wireweave/ffi/win32/library'
import { SOCKADDR_INET } from '@wireweave/ffi/win32/sockaddr'
import { WSABUF, WSACMSGHDR, WSAMSG } from '@wireweave/ffi/win32/winsock'
import { expect, test } from 'vitest'
import { ALLOWED_IP, INTERFACE, PEER } from '../../../adapter-wgnt/src/abi.js'
import {
  DNS_INTERFACE_SETTINGS,
  MIB_IF_ROW2,
  MIB_IPFORWARD_ROW2,
  MIB_UNICASTIPADDRESS_ROW,
} from '../../src/win32/abi.js'
import { Machine } from '../../src/win32/machine.js'
import { WIN32_FIND_DATA } from '../../src/win32/pipes.js'

const file = path.win32.join(process.env['WIREWEAVE_NATIVE']!, 'layouts.dll')
const { layouts } = loadDll(file, 'unverified', { layouts: ['Layouts', 'str', []] } as const, {}).call
const compiled = JSON.parse(layouts()!) as Record<string, Record<string, number>>

/** `DestinationPrefix.PrefixLength` is `destinationPrefixLength` here. */
const RENAMED: Record<string, string> = {
  ...{ 'DestinationPrefix.Prefix': 'destinationPrefix', 'DestinationPrefix.PrefixLength': 'destinationPrefixLength' },
  ...{ 'Control.len': 'controlLen', 'Control.buf': 'controlBuf' },
  ...{ si_family: 'family', 'Ipv4.sin_port': 'port', 'Ipv4.sin_addr': 'v4Address' },
  ...{ 'Ipv6.sin6_flowinfo': 'v6FlowInfo', 'Ipv6.sin6_addr': 'v6Address', 'Ipv6.sin6_scope_id': 'v6ScopeId' },
}

test.each([
  ['SOCKADDR_INET', SOCKADDR_INET],
  ['MIB_UNICASTIPADDRESS_ROW', MIB_UNICASTIPADDRESS_ROW],
  ['MIB_IPFORWARD_ROW2', MIB_IPFORWARD_ROW2],
  ['MIB_IPINTERFACE_ROW', MIB_IPINTERFACE_ROW],
  ['MIB_IF_ROW2', MIB_IF_ROW2],
  ['DNS_INTERFACE_SETTINGS_V1', DNS_INTERFACE_SETTINGS],
  ['WSAMSG', WSAMSG],
  ['WSABUF', WSABUF],
  ['WSACMSGHDR', WSACMSGHDR],
  ['WIN32_FIND_DATAW', WIN32_FIND_DATA],
  ['WIREGUARD_INTERFACE', INTERFACE],
  ['WIREGUARD_PEER', PEER],
  ['WIREGUARD_ALLOWED_IP', ALLOWED_IP],
])('%s is laid out as the compiler does it', (name, ours) => {
  const theirs = Object.fromEntries(
    Object.entries(compiled[name]!).map(([field, offset]) => [
      RENAMED[field] ?? field[0]!.toLowerCase() + field.slice(1),
      offset,
    ]),
  )
  expect(theirs).toMatchObject(ours)
})

test('rows and records are the same on x86, where they are read from an object file', () => {
  const bytes = readFileSync(path.win32.join(process.env['WIREWEAVE_NATIVE']!, 'layouts-x86.dll'))
  const at = bytes.indexOf('WIREWEAVE-X86-1') + 16
  const [pointer, ...numbers] = Array.from({ length: 30 }, (_, i) => bytes.readUInt32LE(at + i * 4))
  expect(pointer).toBe(4)
  const { interfaceLuid, onLinkPrefixLength, dadState } = MIB_UNICASTIPADDRESS_ROW
  const route = MIB_IPFORWARD_ROW2
  expect(numbers).toEqual([
    ...[SOCKADDR_INET.size, SOCKADDR_INET.v6Address, SOCKADDR_INET.v6ScopeId],
    ...[MIB_UNICASTIPADDRESS_ROW.size, interfaceLuid, onLinkPrefixLength, dadState],
    ...[route.size, route.destinationPrefixLength, route.nextHop, route.metric],
    ...[MIB_IPINTERFACE_ROW.size, MIB_IPINTERFACE_ROW.interfaceLuid],
    ...[MIB_IPINTERFACE_ROW.sitePrefixLength, MIB_IPINTERFACE_ROW.nlMtu],
    ...[MIB_IF_ROW2.size, MIB_IF_ROW2.mtu, MIB_IF_ROW2.operStatus],
    ...[INTERFACE.size, INTERFACE.publicKey, INTERFACE.peersCount],
    ...[PEER.size, PEER.persistentKeepalive, PEER.endpoint, PEER.txBytes, PEER.allowedIpsCount],
    ...[ALLOWED_IP.size, ALLOWED_IP.cidr, ALLOWED_IP.flags],
  ])
})

test('where pointers have 4 bytes nothing is set up', () => {
  const { arch } = process
  Object.defineProperty(process, 'arch', { value: 'ia32' })
  try {
    expect(() => new Machine()).toThrow('needs Node.js for x64 or arm64')
  } finally {
    Object.defineProperty(process, 'arch', { value: arch })
  }
})
