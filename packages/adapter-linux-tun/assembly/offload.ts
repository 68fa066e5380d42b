/**
 * The per-byte work of TUN offloads in WebAssembly SIMD, in the memory that holds the packets. AssemblyScript; compiled by
 * build.mjs. `src/routines.ts` says what each function does, `src/routines-js.ts` does the same in JavaScript.
 *
 * No static data and no heap: the whole memory belongs to the caller. Sums are taken over little-endian words, which
 * RFC 1071 §2(B) allows; only the folded result is swapped.
 */

/** Folds to 16 bits. */
// @ts-ignore: decorator
@inline function fold(sum: u64): u32 {
  sum = (sum & 0xffffffff) + (sum >> 32)
  sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32)
  sum = (sum & 0xffff) + (sum >> 16)
  return <u32>((sum & 0xffff) + (sum >> 16))
}

// @ts-ignore: decorator
@inline function swap(word: u32): u32 {
  return ((word & 0xff) << 8) | (word >> 8)
}

// @ts-ignore: decorator
@inline function read16(at: usize): u32 {
  return swap(load<u16>(at))
}

// @ts-ignore: decorator
@inline function write16(at: usize, value: u32): void {
  store<u16>(at, <u16>swap(value & 0xffff))
}

// @ts-ignore: decorator
@inline function lanes(sum: v128): u64 {
  return (<u64>i32x4.extract_lane(sum, 0) & 0xffffffff) + (<u64>i32x4.extract_lane(sum, 1) & 0xffffffff)
    + (<u64>i32x4.extract_lane(sum, 2) & 0xffffffff) + (<u64>i32x4.extract_lane(sum, 3) & 0xffffffff)
}

/** Little-endian words, unfolded. Lanes hold 32 bits: good for 512 KiB. Touches nothing outside. */
function words(at: usize, length: i32): u64 {
  let a = i64x2.splat(0), b = a
  const end = at + (length & ~31)
  for (; at < end; at += 32) {
    a = i32x4.add(a, i32x4.extadd_pairwise_i16x8_u(v128.load(at)))
    b = i32x4.add(b, i32x4.extadd_pairwise_i16x8_u(v128.load(at, 16)))
  }
  if (length & 16) {
    a = i32x4.add(a, i32x4.extadd_pairwise_i16x8_u(v128.load(at)))
    at += 16
  }
  let sum = lanes(i32x4.add(a, b))
  if (length & 8) {
    const x = load<u64>(at)
    sum += (x & 0xffffffff) + (x >> 32)
    at += 8
  }
  if (length & 4) {
    sum += <u64>load<u32>(at)
    at += 4
  }
  if (length & 2) {
    sum += <u64>load<u16>(at)
    at += 2
  }
  if (length & 1) sum += <u64>load<u8>(at)
  return sum
}

/** The same while copying. */
function copyWords(from: usize, to: usize, length: i32): u64 {
  let a = i64x2.splat(0), b = a
  const end = from + (length & ~31)
  for (; from < end; from += 32, to += 32) {
    const x = v128.load(from), y = v128.load(from, 16)
    v128.store(to, x)
    v128.store(to, y, 16)
    a = i32x4.add(a, i32x4.extadd_pairwise_i16x8_u(x))
    b = i32x4.add(b, i32x4.extadd_pairwise_i16x8_u(y))
  }
  if (length & 16) {
    const x = v128.load(from)
    v128.store(to, x)
    a = i32x4.add(a, i32x4.extadd_pairwise_i16x8_u(x))
    from += 16
    to += 16
  }
  let sum = lanes(i32x4.add(a, b))
  if (length & 8) {
    const x = load<u64>(from)
    store<u64>(to, x)
    sum += (x & 0xffffffff) + (x >> 32)
    from += 8
    to += 8
  }
  if (length & 4) {
    const x = load<u32>(from)
    store<u32>(to, x)
    sum += <u64>x
    from += 4
    to += 4
  }
  if (length & 2) {
    const x = load<u16>(from)
    store<u16>(to, x)
    sum += <u64>x
    from += 2
    to += 2
  }
  if (length & 1) {
    const x = load<u8>(from)
    store<u8>(to, x)
    sum += <u64>x
  }
  return sum
}

/** Source, destination and protocol of the pseudo-header; its length is the caller's to add. */
// @ts-ignore: decorator
@inline function pseudo(packet: usize, isV4: bool, protocol: u32): u64 {
  return words(isV4 ? packet + 12 : packet + 8, isV4 ? 8 : 32) + (protocol << 8)
}

export function sum(at: usize, length: i32): u32 {
  return swap(fold(words(at, length)))
}

export function copySum(from: usize, to: usize, length: i32): u32 {
  return swap(fold(copyWords(from, to, length)))
}

export function cut(packet: usize, length: i32, headers: i32, transport: i32, isTcp: i32, size: i32, first: i32, count: i32, to: usize, stride: i32): void {
  const isV4 = load<u8>(packet) >> 4 == 4
  const t = packet + transport
  const sequence = bswap(load<u32>(t, 4))
  const flags: u32 = load<u8>(t, 13)
  const id = read16(packet + 4)
  const header = headers - transport

  // What the headers of all segments have in common. The fields that differ are taken out and added for each.
  let common = pseudo(packet, isV4, isTcp ? 6 : 17)
  if (isTcp) common += words(t, header) - <u64>load<u16>(t, 4) - <u64>load<u16>(t, 6) - <u64>load<u16>(t, 16) - (<u64>flags << 8)
  else common += <u64>load<u16>(t) + <u64>load<u16>(t, 2)
  let ipCommon: u64 = 0
  if (isV4) ipCommon = words(packet, transport) - <u64>load<u16>(packet, 2) - <u64>load<u16>(packet, 4) - <u64>load<u16>(packet, 10)

  let offset = first * size
  for (let k = 0; k < count; k++, to += stride, offset += size) {
    const rest = length - headers - offset
    const payload = min(size, rest)
    copyWords(packet, to, headers)
    const body = copyWords(packet + headers + offset, to + headers, payload)
    const segment: u32 = header + payload

    if (isV4) {
      const total: u32 = transport + segment
      write16(to + 2, total)
      write16(to + 4, id + first + k)
      store<u16>(to, <u16>~fold(ipCommon + <u64>load<u16>(to, 2) + <u64>load<u16>(to, 4)), 10)
    } else {
      write16(to + 4, transport - 40 + segment)
    }

    const u = to + transport
    if (isTcp) {
      store<u32>(u, bswap<u32>(sequence + offset), 4)
      let own = flags
      if (payload < rest) own &= ~9 // FIN and PSH belong to the last
      if (offset) own &= ~0x80 // CWR to the first
      store<u8>(u, <u8>own, 13)
      const varying = <u64>load<u16>(u, 4) + <u64>load<u16>(u, 6) + (<u64>own << 8) + <u64>swap(segment)
      store<u16>(u, <u16>~fold(common + varying + body), 16)
    } else {
      write16(u + 4, segment)
      let field = <u32>(~fold(common + body + 2 * <u64>swap(segment)) & 0xffff)
      if (field == 0) field = 0xffff // RFC 768: zero would say "no checksum"
      store<u16>(u, <u16>field, 6)
    }
  }
}

const OTHER = 0
const BARRIER = 1
const ALONE = 2

// @ts-ignore: decorator
@inline function mix(hash: u32, word: u32): u32 {
  return (hash ^ word) * 0x9e3779b1
}

export function inspect(packet: usize, length: i32): u32 {
  if (length < 20) return BARRIER
  const first = load<u8>(packet)
  const isV4 = first >> 4 == 4
  let protocol: u32
  let transport: i32
  if (isV4) {
    protocol = load<u8>(packet, 9)
    if (protocol != 6 && protocol != 17) return OTHER
    transport = 20
    if (first != 0x45 || (load<u16>(packet, 6) & 0xff3f) != 0) return BARRIER
    if (<i32>read16(packet + 2) != length) return BARRIER
  } else {
    if (first >> 4 != 6 || length < 40) return BARRIER
    protocol = load<u8>(packet, 6)
    if (protocol == 58 || protocol == 59) return OTHER
    if (protocol != 6 && protocol != 17) return BARRIER
    transport = 40
    if (<i32>read16(packet + 4) + 40 != length) return BARRIER
  }
  const segment = length - transport
  const t = packet + transport
  if (segment < 8) return BARRIER

  let hash = mix(protocol, load<u32>(t))
  if (isV4) {
    hash = mix(hash, load<u32>(packet, 12))
    hash = mix(hash, load<u32>(packet, 16))
  } else {
    for (let i: usize = 8; i < 40; i += 4) hash = mix(hash, load<u32>(packet + i))
  }
  hash = (hash >> 24) << 8

  let header = 8
  if (protocol == 6) {
    if (segment < 20) return BARRIER
    header = <i32>(load<u8>(t, 12) >> 4) << 2
    if (header < 20 || header >= segment || (load<u8>(t, 12) & 15) != 0) return hash | ALONE
    if ((load<u8>(t, 13) & ~8) != 0x10) return hash | ALONE
  } else if (segment == 8 || <i32>read16(t + 4) != segment || load<u16>(t, 6) == 0) {
    return hash | ALONE
  }
  if (isV4 && fold(words(packet, 20)) != 0xffff) return hash | ALONE
  const total = pseudo(packet, isV4, protocol) + <u64>swap(<u32>segment) + words(t, segment)
  if (fold(total) != 0xffff) return hash | ALONE
  return hash | (transport + header)
}

export function follows(lead: usize, next: usize, headers: i32, payload: i32, nth: i32): i32 {
  const isV4 = load<u8>(lead) >> 4 == 4
  // Ones where both headers must agree: all but lengths, checksums, IPv4 id, sequence number and PSH.
  if (isV4) {
    if (headers == 28) {
      const a = v128.xor(v128.load(lead), v128.load(next))
      if (v128.any_true(v128.and(a, i8x16(-1, -1, 0, 0, 0, 0, -1, -1, -1, -1, 0, 0, -1, -1, -1, -1)))) return 0
      if (load<u64>(lead, 16) != load<u64>(next, 16)) return 0
    } else {
      const a = v128.xor(v128.load(lead), v128.load(next))
      if (v128.any_true(v128.and(a, i8x16(-1, -1, 0, 0, 0, 0, -1, -1, -1, -1, 0, 0, -1, -1, -1, -1)))) return 0
      const b = v128.xor(v128.load(lead, 16), v128.load(next, 16))
      if (v128.any_true(v128.and(b, i8x16(-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, -1, -1, -1, -1)))) return 0
      if ((load<u64>(lead, 32) ^ load<u64>(next, 32)) & 0xffff0000fffff7ff) return 0
    }
    const counts = (load<u8>(lead, 6) & 0x40) == 0
    if (counts && ((read16(lead + 4) + nth) & 0xffff) != read16(next + 4)) return 0
  } else {
    const a = v128.xor(v128.load(lead), v128.load(next))
    if (v128.any_true(v128.and(a, i8x16(-1, -1, -1, -1, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1)))) return 0
    if (v128.any_true(v128.xor(v128.load(lead, 16), v128.load(next, 16)))) return 0
    if (load<u64>(lead, 32) != load<u64>(next, 32)) return 0
    if (load<u32>(lead, 40) != load<u32>(next, 40)) return 0
    if (headers != 48) {
      if (load<u32>(lead, 48) != load<u32>(next, 48)) return 0
      if ((load<u64>(lead, 52) ^ load<u64>(next, 52)) & 0xffff0000fffff7ff) return 0
    }
  }
  const transport = isV4 ? 20 : 40
  if (headers == transport + 8) return 1
  for (let at = transport + 20; at < headers; at += 4) if (load<u32>(lead + at) != load<u32>(next + at)) return 0
  return <i32>(bswap(load<u32>(lead + transport, 4)) + <u32>payload == bswap(load<u32>(next + transport, 4)))
}
