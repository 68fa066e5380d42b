/** Our tables of offsets against the C compiler's. */
import path from 'node:path'
import { MIB_IPINTERFACE_ROW } from '@wireweave/ffi/win32/ip-interface'
import { loadDll } from '@wireweave/ffi/win32/library'
import { SOCKADDR_INET } from '@wireweave/ffi/win32/sockaddr'
import { expect, test } from 'vitest'
import {
  DNS_INTERFACE_SETTINGS,
  MIB_IF_ROW2,
  MIB_IPFORWARD_ROW2,
  MIB_UNICASTIPADDRESS_ROW,
} from '../../src/win32/abi.js'

const file = path.win32.join(process.env['WIREWEAVE_NATIVE']!, 'layouts.dll')
const { layouts } = loadDll(file, 'unverified', { layouts: ['Layouts', 'str', []] } as const, {}).call
const compiled = JSON.parse(layouts()!) as Record<string, Record<string, number>>

/** `DestinationPrefix.PrefixLength` is `destinationPrefixLength` here. */
const RENAMED: Record<string, string> = {
  ...{ 'DestinationPrefix.Prefix': 'destinationPrefix', 'DestinationPrefix.PrefixLength': 'destinationPrefixLength' },
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
])('%s is laid out as the compiler does it', (name, ours) => {
  const theirs = Object.fromEntries(
    Object.entries(compiled[name]!).map(([field, offset]) => [
      RENAMED[field] ?? field[0]!.toLowerCase() + field.slice(1),
      offset,
    ]),
  )
  expect(theirs).toMatchObject(ours)
})
