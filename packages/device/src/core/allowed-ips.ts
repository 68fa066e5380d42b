/**
 * Cryptokey routing (§2): which peer a destination belongs to, and whether a source may come from a peer. One compressed
 * radix trie per address family, all nodes in one flat array, so that a lookup allocates nothing and 100 000 peers cost
 * the collector nothing. What a lookup reads lies together and apart from the rest: with many peers its cost is that of
 * the cache lines it touches.
 */
import type { IpAddress, IpPrefix } from '@wireweave/tunnel/ip'

// A node is four 32-bit words for IPv4 and eight for IPv6, named by the offset of the first. Offset 0 is no node.
// Nodes without an owner only fork; they always have two children.
/** Owner + 1 above FAMILY and the length: zeroed memory has none. */
const STATE = 0
const CHILDREN = 1
/** A prefix, left-aligned: one word or four. */
const PREFIX = 3
const NODE4_WORDS = 4
const NODE6_WORDS = 8

const LENGTH_MASK = 0xff
const IS_IPV6 = 0x100
const OWNER_SHIFT = 9

// What only changes read: words of a second array, at the same offset.
const PARENT = 0
/** The owner's prefixes as a doubly linked list; NEXT also links free nodes. */
const NEXT = 1
const PREVIOUS = 2

/** Prefixes and their owners, which are non-negative integers below 2^22. */
export class AllowedIps {
  #nodes = new Int32Array(NODE6_WORDS * 8)
  #links = new Int32Array(NODE6_WORDS * 8)
  #end = NODE6_WORDS
  #free4 = 0
  #free6 = 0
  #root4 = 0
  #root6 = 0
  /** First and last node of each owner's list, at `owner * 2`. */
  #lists = new Int32Array(16)
  #size = 0
  #changes = 0

  /** Prefixes of all owners. */
  get size(): number {
    return this.#size
  }

  /** How often an owner was given or taken: who keeps answers asks again after a change. */
  get changes(): number {
    return this.#changes
  }

  /** Memory held. It grows by doubling, and what is removed is used again. */
  get bytes(): number {
    return this.#nodes.byteLength + this.#links.byteLength + this.#lists.byteLength
  }

  /** The owner of the longest prefix that holds the 4 bytes of `bytes` at `at`, or -1. */
  lookup4(bytes: Uint8Array, at: number): number {
    const key = readWord(bytes, at)
    const nodes = this.#nodes
    let owner = 0
    let node = this.#root4
    while (node !== 0) {
      const state = nodes[node + STATE]!
      const length = state & LENGTH_MASK
      if (Math.clz32(nodes[node + PREFIX]! ^ key) < length) break
      if (state >>> OWNER_SHIFT !== 0) owner = state >>> OWNER_SHIFT
      if (length === 32) break
      node = nodes[node + CHILDREN + ((key >>> (31 - length)) & 1)]!
    }
    return owner - 1
  }

  /** The owner of the longest prefix that holds the 16 bytes of `bytes` at `at`, or -1. */
  lookup6(bytes: Uint8Array, at: number): number {
    const a = readWord(bytes, at)
    const b = readWord(bytes, at + 4)
    const c = readWord(bytes, at + 8)
    const d = readWord(bytes, at + 12)
    const nodes = this.#nodes
    let owner = 0
    let node = this.#root6
    while (node !== 0) {
      const state = nodes[node + STATE]!
      const length = state & LENGTH_MASK
      if (commonBits6(nodes, node, a, b, c, d) < length) break
      if (state >>> OWNER_SHIFT !== 0) owner = state >>> OWNER_SHIFT
      if (length === 128) break
      node = nodes[node + CHILDREN + bitAt(length, a, b, c, d)]!
    }
    return owner - 1
  }

  /** Gives a prefix to `owner`, taking it from whoever had it. Bits of `address` behind `length` do not count. */
  insert(address: IpAddress, length: number, owner: number): void {
    const family = address.length === 4 ? 0 : IS_IPV6
    const [a, b, c, d] = readPrefix(address, length)
    let parent = 0
    let node = family === 0 ? this.#root4 : this.#root6
    let common = 0
    while (node !== 0) {
      const nodeLength = this.#lengthOf(node)
      common = Math.min(this.#commonBits(node, a, b, c, d), nodeLength, length)
      if (common < nodeLength) break
      if (nodeLength === length) return this.#own(node, owner)
      parent = node
      node = this.#nodes[node + CHILDREN + bitAt(nodeLength, a, b, c, d)]!
    }
    const inserted = this.#allocate(a, b, c, d, length, family)
    if (node === 0) {
      this.#replaceChild(parent, inserted, a, b, c, d)
    } else if (common === length) {
      this.#replaceChild(parent, inserted, a, b, c, d)
      this.#adopt(inserted, node)
    } else {
      const [forkA, forkB, forkC, forkD] = readPrefix(address, common)
      const fork = this.#allocate(forkA, forkB, forkC, forkD, common, family)
      this.#replaceChild(parent, fork, a, b, c, d)
      this.#adopt(fork, node)
      this.#adopt(fork, inserted)
    }
    this.#own(inserted, owner)
  }

  /** Takes exactly this prefix away from `owner`. False, and nothing happens, when it has no such prefix. */
  remove(address: IpAddress, length: number, owner: number): boolean {
    const [a, b, c, d] = readPrefix(address, length)
    let node = address.length === 4 ? this.#root4 : this.#root6
    while (node !== 0) {
      const nodeLength = this.#lengthOf(node)
      if (nodeLength > length || this.#commonBits(node, a, b, c, d) < nodeLength) return false
      if (nodeLength === length) break
      node = this.#nodes[node + CHILDREN + bitAt(nodeLength, a, b, c, d)]!
    }
    if (node === 0 || this.#nodes[node + STATE]! >>> OWNER_SHIFT !== owner + 1) return false
    this.#vacate(node)
    return true
  }

  removeAllOf(owner: number): void {
    if (owner * 2 >= this.#lists.length) return
    while (this.#lists[owner * 2] !== 0) this.#vacate(this.#lists[owner * 2]!)
  }

  /** In the order in which they were given; giving a prefix again moves it to the end. */
  prefixesOf(owner: number): IpPrefix[] {
    const prefixes: IpPrefix[] = []
    if (owner * 2 >= this.#lists.length) return prefixes
    for (let node = this.#lists[owner * 2]!; node !== 0; node = this.#links[node + NEXT]!) {
      const address = new Uint8Array(this.#isIpv6(node) ? 16 : 4)
      for (let i = 0; i < address.length; i++) {
        address[i] = this.#nodes[node + PREFIX + (i >> 2)]! >>> (24 - (i & 3) * 8)
      }
      prefixes.push({ address, length: this.#lengthOf(node) })
    }
    return prefixes
  }

  #lengthOf(node: number): number {
    return this.#nodes[node + STATE]! & LENGTH_MASK
  }

  #isIpv6(node: number): boolean {
    return (this.#nodes[node + STATE]! & IS_IPV6) !== 0
  }

  /** How many leading bits a node's prefix shares with a key of its family. */
  #commonBits(node: number, a: number, b: number, c: number, d: number): number {
    if (this.#isIpv6(node)) return commonBits6(this.#nodes, node, a, b, c, d)
    return Math.clz32(this.#nodes[node + PREFIX]! ^ a)
  }

  /** Makes `owner` the owner of a node, the last in its list. */
  #own(node: number, owner: number): void {
    if (this.#nodes[node + STATE]! >>> OWNER_SHIFT !== 0) this.#unlink(node)
    while (owner * 2 >= this.#lists.length) this.#lists = grown(this.#lists)
    const links = this.#links
    const last = this.#lists[owner * 2 + 1]!
    this.#nodes[node + STATE]! |= (owner + 1) << OWNER_SHIFT
    links[node + PREVIOUS] = last
    links[node + NEXT] = 0
    if (last === 0) this.#lists[owner * 2] = node
    else links[last + NEXT] = node
    this.#lists[owner * 2 + 1] = node
    this.#size++
    this.#changes++
  }

  #unlink(node: number): void {
    const links = this.#links
    const list = ((this.#nodes[node + STATE]! >>> OWNER_SHIFT) - 1) * 2
    const next = links[node + NEXT]!
    const previous = links[node + PREVIOUS]!
    if (previous === 0) this.#lists[list] = next
    else links[previous + NEXT] = next
    if (next === 0) this.#lists[list + 1] = previous
    else links[next + PREVIOUS] = previous
    this.#nodes[node + STATE]! &= IS_IPV6 | LENGTH_MASK
    this.#size--
    this.#changes++
  }

  /** Takes a node from its owner, then removes it and the fork above it unless they still hold two children together. */
  #vacate(node: number): void {
    this.#unlink(node)
    const nodes = this.#nodes
    const links = this.#links
    while (node !== 0 && nodes[node + STATE]! >>> OWNER_SHIFT === 0) {
      const zero = nodes[node + CHILDREN]!
      const one = nodes[node + CHILDREN + 1]!
      if (zero !== 0 && one !== 0) return
      const parent = links[node + PARENT]!
      const child = zero === 0 ? one : zero
      if (child !== 0) links[child + PARENT] = parent
      if (parent === 0) this.#setRoot(this.#isIpv6(node), child)
      else nodes[parent + CHILDREN + (nodes[parent + CHILDREN] === node ? 0 : 1)] = child
      this.#release(node)
      if (child !== 0) return
      node = parent
    }
  }

  /** Puts `node` where the path of a key continues below `parent`; `parent` 0 is the root's place. */
  #replaceChild(parent: number, node: number, a: number, b: number, c: number, d: number): void {
    this.#links[node + PARENT] = parent
    if (parent === 0) return this.#setRoot(this.#isIpv6(node), node)
    this.#nodes[parent + CHILDREN + bitAt(this.#lengthOf(parent), a, b, c, d)] = node
  }

  #adopt(parent: number, child: number): void {
    const nodes = this.#nodes
    const at = child + PREFIX
    if (this.#isIpv6(child))
      this.#replaceChild(parent, child, nodes[at]!, nodes[at + 1]!, nodes[at + 2]!, nodes[at + 3]!)
    else this.#replaceChild(parent, child, nodes[at]!, 0, 0, 0)
  }

  #setRoot(isIpv6: boolean, node: number): void {
    if (isIpv6) this.#root6 = node
    else this.#root4 = node
  }

  #allocate(a: number, b: number, c: number, d: number, length: number, family: number): number {
    const words = family === 0 ? NODE4_WORDS : NODE6_WORDS
    let node = family === 0 ? this.#free4 : this.#free6
    if (node === 0) {
      node = this.#end
      this.#end += words
      if (this.#end > this.#nodes.length) {
        this.#nodes = grown(this.#nodes)
        this.#links = grown(this.#links)
      }
    } else if (family === 0) {
      this.#free4 = this.#links[node + NEXT]!
    } else {
      this.#free6 = this.#links[node + NEXT]!
    }
    const nodes = this.#nodes
    nodes.fill(0, node, node + words)
    this.#links.fill(0, node, node + words)
    nodes[node + STATE] = family | length
    nodes[node + PREFIX] = a
    if (family === 0) return node
    nodes[node + PREFIX + 1] = b
    nodes[node + PREFIX + 2] = c
    nodes[node + PREFIX + 3] = d
    return node
  }

  #release(node: number): void {
    const isIpv6 = this.#isIpv6(node)
    this.#links[node + NEXT] = isIpv6 ? this.#free6 : this.#free4
    if (isIpv6) this.#free6 = node
    else this.#free4 = node
  }
}

function commonBits6(nodes: Int32Array, node: number, a: number, b: number, c: number, d: number): number {
  const at = node + PREFIX
  if (nodes[at] !== a) return Math.clz32(nodes[at]! ^ a)
  if (nodes[at + 1] !== b) return 32 + Math.clz32(nodes[at + 1]! ^ b)
  if (nodes[at + 2] !== c) return 64 + Math.clz32(nodes[at + 2]! ^ c)
  return 96 + Math.clz32(nodes[at + 3]! ^ d)
}

function bitAt(index: number, a: number, b: number, c: number, d: number): number {
  const word = index < 64 ? (index < 32 ? a : b) : index < 96 ? c : d
  return (word >>> (31 - (index & 31))) & 1
}

/** The 32 bits at `at`, big-endian. */
export function readWord(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
}

/** The first `length` bits of an address in four words; the rest is zero. */
function readPrefix(address: IpAddress, length: number): [number, number, number, number] {
  const words: [number, number, number, number] = [0, 0, 0, 0]
  for (let i = 0; i < address.length / 4; i++) {
    const bits = Math.min(32, Math.max(0, length - i * 32))
    words[i] = bits === 0 ? 0 : readWord(address, i * 4) & (-1 << (32 - bits))
  }
  return words
}

function grown(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2)
  larger.set(array)
  return larger
}
