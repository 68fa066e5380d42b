/** The kill switch in force: filters of the Windows Filtering Platform that end with this object, or with the process. */
import { randomFillSync } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { addressOf, NativeMemory, writePointer } from '@wireweave/ffi/memory'
import { ERROR_ACCESS_DENIED, ERROR_SUCCESS, win32Text } from '@wireweave/ffi/win32/codes'
import { guid } from '@wireweave/ffi/win32/guid'
import { parseSddl } from '@wireweave/ffi/win32/security-descriptor'
import type { SecurityDescriptor } from '@wireweave/ffi/win32/security-descriptor'
import { systemDll } from '@wireweave/ffi/win32/system'
import { wide } from '@wireweave/ffi/win32/wide'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { IpAddress } from '@wireweave/tunnel/ip'
import { killSwitchRules } from './kill-switch.js'
import type { Condition, FilterRule } from './kill-switch.js'
import * as abi from './wfp-abi.js'
import {
  FWP_BYTE_BLOB,
  FWP_VALUE0,
  FWPM_FILTER0,
  FWPM_FILTER_CONDITION0,
  FWPM_PROVIDER0,
  FWPM_SESSION0,
} from './wfp-abi.js'
import { FIELDS, FWPM_SUBLAYER0, LAYERS } from './wfp-abi.js'

const functions = {
  engineOpen: ['FwpmEngineOpen0', 'uint32_t', ['str16', 'uint32_t', 'void *', 'void *', 'void *']],
  engineClose: ['FwpmEngineClose0', 'uint32_t', ['uintptr_t']],
  begin: ['FwpmTransactionBegin0', 'uint32_t', ['uintptr_t', 'uint32_t']],
  commit: ['FwpmTransactionCommit0', 'uint32_t', ['uintptr_t']],
  providerAdd: ['FwpmProviderAdd0', 'uint32_t', ['uintptr_t', 'void *', 'void *']],
  subLayerAdd: ['FwpmSubLayerAdd0', 'uint32_t', ['uintptr_t', 'void *', 'void *']],
  filterAdd: ['FwpmFilterAdd0', 'uint32_t', ['uintptr_t', 'void *', 'void *', 'void *']],
  appId: ['FwpmGetAppIdFromFileName0', 'uint32_t', ['str16', 'void *']],
  freeMemory: ['FwpmFreeMemory0', 'void', ['void *']],
} as const

const RPC_C_AUTHN_WINNT = 10
/** Right 1 is that to match the filter: for elevated administrators and LocalSystem, which a tunnel needs anyway. */
const PRIVILEGED = 'O:SYG:SYD:(A;;CC;;;BA)(A;;CC;;;SY)'
const HIGHEST_WEIGHT = 0xffff

export interface InForce {
  /** Lets everything through again. */
  lift(): void
}

/** Throws a `WireGuardError`; then nothing is blocked. `fwpuclnt` is the absolute path of a stand-in, for tests. */
export function enforceKillSwitch(luid: bigint, dnsServers: readonly IpAddress[], fwpuclnt = 'fwpuclnt.dll'): InForce {
  const { call } = systemDll(fwpuclnt, functions)
  const memory = new Memory()
  const session = memory.struct(FWPM_SESSION0.size)
  session.view.setUint32(FWPM_SESSION0.flags, abi.FWPM_SESSION_FLAG_DYNAMIC, true)
  const handle = new Uint8Array(8)
  check('opening it', call.engineOpen(null, RPC_C_AUTHN_WINNT, null, session.bytes, handle))
  const engine = Number(new DataView(handle.buffer).getBigUint64(0, true))
  const appId = new Uint8Array(8)
  let rights: SecurityDescriptor | null = null
  try {
    // A link, as version managers for Node.js use them, is not what Windows knows a program by.
    check('naming this program', call.appId(realpathSync.native(process.execPath), appId))
    rights = privilegedOnly()
    const identity = {
      appId: Number(new DataView(appId.buffer).getBigUint64(0, true)),
      userId: blobOf(memory, rights),
    }
    check('beginning', call.begin(engine, 0))
    const keys = addContainers(memory, (provider, subLayer) => {
      check('adding a provider', call.providerAdd(engine, provider, null))
      check('adding a layer', call.subLayerAdd(engine, subLayer, null))
    })
    for (const rule of killSwitchRules(luid, dnsServers)) {
      for (const filter of encodeRule(memory, rule, keys, identity)) {
        check(`adding the filter "${rule.name}"`, call.filterAdd(engine, filter.bytes, null, new Uint8Array(8)))
      }
    }
    check('committing', call.commit(engine))
  } catch (error) {
    // The session takes along what it has added.
    call.engineClose(engine)
    throw error
  } finally {
    rights?.free()
    call.freeMemory(appId)
    memory.release()
  }
  let isLifted = false
  return {
    lift: () => {
      if (!isLifted) call.engineClose(engine)
      isLifted = true
    },
  }
}

interface Keys {
  readonly provider: NativeMemory
  readonly subLayer: Uint8Array
}

function addContainers(memory: Memory, add: (provider: Uint8Array, subLayer: Uint8Array) => void): Keys {
  const [providerKey, subLayerKey] = [memory.struct(16), new Uint8Array(16)]
  randomFillSync(providerKey.bytes)
  randomFillSync(subLayerKey)
  const provider = memory.struct(FWPM_PROVIDER0.size)
  provider.bytes.set(providerKey.bytes, FWPM_PROVIDER0.providerKey)
  writePointer(provider.view, FWPM_PROVIDER0.displayDataName, memory.text('Wireweave'))
  const subLayer = memory.struct(FWPM_SUBLAYER0.size)
  subLayer.bytes.set(subLayerKey, FWPM_SUBLAYER0.subLayerKey)
  writePointer(subLayer.view, FWPM_SUBLAYER0.displayDataName, memory.text('Wireweave kill switch'))
  writePointer(subLayer.view, FWPM_SUBLAYER0.providerKey, providerKey.address)
  subLayer.view.setUint16(FWPM_SUBLAYER0.weight, HIGHEST_WEIGHT, true)
  add(provider.bytes, subLayer.bytes)
  return { provider: providerKey, subLayer: subLayerKey }
}

/** Addresses of the blobs that name our program and its rights. */
interface Identity {
  readonly appId: number
  readonly userId: number
}

/** A filter for each layer and family. */
function encodeRule(memory: Memory, rule: FilterRule, keys: Keys, identity: Identity): NativeMemory[] {
  const conditions = encodeConditions(memory, rule.conditions, identity)
  const count = conditions.bytes.length / FWPM_FILTER_CONDITION0.size
  return rule.layers.flatMap((layer) =>
    rule.families.map((family) => {
      const filter = memory.struct(FWPM_FILTER0.size)
      const { view } = filter
      writePointer(view, FWPM_FILTER0.displayDataName, memory.text(`Wireweave: ${rule.name}`))
      view.setUint32(FWPM_FILTER0.flags, rule.isHard === true ? abi.FWPM_FILTER_FLAG_CLEAR_ACTION_RIGHT : 0, true)
      writePointer(view, FWPM_FILTER0.providerKey, keys.provider.address)
      filter.bytes.set(guid(LAYERS[`${layer}${family}`]), FWPM_FILTER0.layerKey)
      filter.bytes.set(keys.subLayer, FWPM_FILTER0.subLayerKey)
      view.setUint32(FWPM_FILTER0.weight + FWP_VALUE0.type, abi.FWP_UINT8, true)
      view.setUint8(FWPM_FILTER0.weight + FWP_VALUE0.value, rule.weight)
      view.setUint32(FWPM_FILTER0.numFilterConditions, rule.conditions.length === 0 ? 0 : count, true)
      if (rule.conditions.length > 0) writePointer(view, FWPM_FILTER0.filterCondition, conditions.address)
      view.setUint32(FWPM_FILTER0.actionType, rule.permits ? abi.FWP_ACTION_PERMIT : abi.FWP_ACTION_BLOCK, true)
      return filter
    }),
  )
}

function encodeConditions(memory: Memory, conditions: readonly Condition[], identity: Identity): NativeMemory {
  const each = conditions.flatMap((condition) => valuesOf(memory, condition, identity))
  const bytes = memory.struct(Math.max(1, each.length) * FWPM_FILTER_CONDITION0.size)
  for (const [i, { field, type, value, match = abi.FWP_MATCH_EQUAL }] of each.entries()) {
    const at = i * FWPM_FILTER_CONDITION0.size
    bytes.bytes.set(guid(FIELDS[field]), at + FWPM_FILTER_CONDITION0.fieldKey)
    bytes.view.setUint32(at + FWPM_FILTER_CONDITION0.matchType, match, true)
    bytes.view.setUint32(at + FWPM_FILTER_CONDITION0.conditionValue + FWP_VALUE0.type, type, true)
    writePointer(bytes.view, at + FWPM_FILTER_CONDITION0.conditionValue + FWP_VALUE0.value, value)
  }
  return bytes
}

interface Value {
  readonly field: keyof typeof FIELDS
  readonly type: number
  /** The number itself, or the address of what is longer. */
  readonly value: number
  readonly match?: number
}

function valuesOf(memory: Memory, condition: Condition, { appId, userId }: Identity): Value[] {
  switch (condition.field) {
    case 'ownProgram':
      return [
        { field: 'appId', type: abi.FWP_BYTE_BLOB_TYPE, value: appId },
        { field: 'userId', type: abi.FWP_SECURITY_DESCRIPTOR_TYPE, value: userId },
      ]
    case 'loopback': {
      const match = abi.FWP_MATCH_FLAGS_ALL_SET
      return [{ field: 'flags', type: abi.FWP_UINT32, value: abi.FWP_CONDITION_FLAG_IS_LOOPBACK, match }]
    }
    case 'interface': {
      const luid = memory.struct(8)
      luid.view.setBigUint64(0, condition.luid, true)
      return [{ field: 'interface', type: abi.FWP_UINT64, value: luid.address }]
    }
    case 'protocol':
      return [{ field: 'protocol', type: abi.FWP_UINT8, value: condition.number }]
    case 'localPort':
    case 'remotePort':
      return [{ field: condition.field, type: abi.FWP_UINT16, value: condition.number }]
    case 'localAddress':
    case 'remoteAddress': {
      const isV4 = condition.address.length === 4
      const value = isV4 ? v4Mask(memory, condition) : v6Mask(memory, condition)
      return [{ field: condition.field, type: isV4 ? abi.FWP_V4_ADDR_MASK : abi.FWP_V6_ADDR_MASK, value }]
    }
  }
}

/** Both halves in the order of the machine. */
function v4Mask(memory: Memory, { address, length }: { readonly address: IpAddress; readonly length: number }): number {
  const { view, address: at } = memory.struct(8)
  view.setUint32(0, new DataView(address.buffer, address.byteOffset).getUint32(0), true)
  view.setUint32(4, length === 0 ? 0 : (0xffff_ffff << (32 - length)) >>> 0, true)
  return at
}

function v6Mask(memory: Memory, { address, length }: { readonly address: IpAddress; readonly length: number }): number {
  const { bytes, address: at } = memory.struct(17)
  bytes.set(address)
  bytes[16] = length
  return at
}

function privilegedOnly(): SecurityDescriptor {
  const descriptor = parseSddl(PRIVILEGED)
  if (typeof descriptor !== 'number') return descriptor
  throw failure('naming its rights', descriptor)
}

/** The address of a blob around it. */
function blobOf(memory: Memory, { address, bytes }: SecurityDescriptor): number {
  const blob = memory.struct(FWP_BYTE_BLOB.size)
  blob.view.setUint32(FWP_BYTE_BLOB.length, bytes, true)
  writePointer(blob.view, FWP_BYTE_BLOB.data, address)
  return blob.address
}

/** Keeps what C looks at until it has looked. */
class Memory {
  #kept: unknown[] = []

  struct(size: number): NativeMemory {
    const memory = new NativeMemory(size)
    this.#kept.push(memory)
    return memory
  }

  /** The address of a UTF-16 string. */
  text(text: string): number {
    const bytes = wide(text)
    this.#kept.push(bytes)
    return addressOf(bytes)
  }

  release(): void {
    this.#kept = []
  }
}

function check(what: string, code: number): void {
  if (code !== ERROR_SUCCESS) throw failure(what, code)
}

function failure(what: string, code: number): WireGuardError {
  const denied = code === ERROR_ACCESS_DENIED
  const remedy = denied ? ' Run as administrator.' : ' Is the service "Base Filtering Engine" running?'
  return new WireGuardError(
    denied ? 'PERMISSION_DENIED' : 'SYSTEM',
    `the kill switch failed (${what}): ${win32Text(code)}.${remedy} Nothing is blocked.`,
    { errno: String(code) },
  )
}
