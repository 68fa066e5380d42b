/** `SOCKADDR_INET` of ws2ipdef.h: an address of either family, as iphlpapi and wireguard.dll have it. Any platform. */

export const AF_INET = 2
export const AF_INET6 = 23

/** The same on x86, x64 and arm64. */
export const SOCKADDR_INET = {
  size: 28,
  family: 0,
  port: 2,
  v4Address: 4,
  v6FlowInfo: 4,
  v6Address: 8,
  v6ScopeId: 24,
} as const

interface SocketAddress {
  /** 4 or 16 bytes. */
  readonly address: Uint8Array
  readonly port: number
  readonly scopeId?: number
}

/** Writes 28 bytes that were zero. */
export function encodeSockaddr(view: DataView, at: number, { address, port, scopeId = 0 }: SocketAddress): void {
  const isV4 = address.length === 4
  view.setUint16(at + SOCKADDR_INET.family, isV4 ? AF_INET : AF_INET6, true)
  view.setUint16(at + SOCKADDR_INET.port, port)
  const start = at + (isV4 ? SOCKADDR_INET.v4Address : SOCKADDR_INET.v6Address)
  for (const [i, byte] of address.entries()) view.setUint8(start + i, byte)
  if (!isV4) view.setUint32(at + SOCKADDR_INET.v6ScopeId, scopeId, true)
}

/** `null` for any other family. The address is a copy. */
export function decodeSockaddr(view: DataView, at: number): SocketAddress | null {
  const family = view.getUint16(at + SOCKADDR_INET.family, true)
  if (family !== AF_INET && family !== AF_INET6) return null
  const port = view.getUint16(at + SOCKADDR_INET.port)
  if (family === AF_INET) return { address: copy(view, at + SOCKADDR_INET.v4Address, 4), port }
  const address = copy(view, at + SOCKADDR_INET.v6Address, 16)
  const scopeId = view.getUint32(at + SOCKADDR_INET.v6ScopeId, true)
  return scopeId === 0 ? { address, port } : { address, port, scopeId }
}

function copy(view: DataView, at: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, length).slice()
}
