/** ICMP errors as a router on the way writes them. */

/** The ICMP error of a router that cannot pass `packet` on. */
export function tooBig(packet: Uint8Array, mtu: number): Uint8Array {
  return packet[0]! >>> 4 === 4 ? tooBig4(packet, mtu) : tooBig6(packet, mtu)
}

function tooBig4(packet: Uint8Array, mtu: number): Uint8Array {
  const error = new Uint8Array(20 + 8 + 28)
  error.set([0x45, 0, 0, error.length, 0, 0, 0, 0, 64, 1, 0, 0, 10, 9, 9, 9])
  error.set(packet.subarray(12, 16), 16)
  put16(error, 10, checksum(error.subarray(0, 20)))
  error.set([3, 4, 0, 0, 0, 0, mtu >>> 8, mtu & 255], 20)
  error.set(packet.subarray(0, 28), 28)
  put16(error, 22, checksum(error.subarray(20)))
  return error
}

function tooBig6(packet: Uint8Array, mtu: number): Uint8Array {
  const length = 8 + 40 + 8
  const error = new Uint8Array(40 + length)
  error.set([0x60, 0, 0, 0, 0, length, 58, 64, 0xfd, 9])
  error[23] = 9
  error.set(packet.subarray(8, 24), 24)
  error.set([2, 0, 0, 0, 0, 0, mtu >>> 8, mtu & 255], 40)
  error.set(packet.subarray(0, 48), 48)
  const pseudo = new Uint8Array(40 + length)
  pseudo.set(error.subarray(8, 40))
  pseudo.set([0, 0, 0, length, 0, 0, 0, 58], 32)
  pseudo.set(error.subarray(40), 40)
  put16(error, 42, checksum(pseudo))
  return error
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

function checksum(bytes: Uint8Array): number {
  let total = 0
  for (let i = 0; i < bytes.length; i += 2) total += (bytes[i]! << 8) | (bytes[i + 1] ?? 0)
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
  return ~total & 0xffff
}
