/**
 * Cryptokey routing (§2): which peer a destination belongs to, and whether a source may come from a peer. One compressed
 * radix trie per address family, all nodes in one flat array, so that a lookup allocates nothing and 100 000 peers cost
 * the collector nothing.
 */
import type { IpAddress, IpPrefix } from '@wireweave/tunnel/ip'

// A node is twelve 32-bit words, named by the offset of the first. Offset 0 is no node. Prefixes are left-aligned in
// four words, those of IPv4 in the first. Nodes without an owner only fork; they always have two children.
const LENGTH = 4
const CHILDREN = 5
const PARENT = 7
/** Owner + 1, so that zeroed memory has none. */
const OWNER = 8
/** The owner's prefixes as a doubly linked list; NEXT also links free nodes. */
const NEXT = 9
const PREVIOUS = 10
/** Bits of an address: 32 or 128. */
const WIDTH = 11
const NODE_WORDS = 12

/** Prefixes and their owners, which are small non-negative integers. */
export class AllowedIps {
  #nodes = new Int32Array(NODE_WORDS * 8)
  #end = NODE_WORDS
  #free = 0
  #root4 = 0
  #root6 = 0
  /** First and last node of each owner's list, at `owner * 2`. */
  #lists = new Int32Array(16)
  #size = 0

  /** Prefixes of all owners. */
  get size(): number {
    return this.#size
  }

  /** Memory held. It grows by doubling, and what is removed is used again. */
  get bytes(): number {
    return this.#nodes.byteLength + this.#lists.byteLength
  }

  /** The owner of the longest prefix that holds the 4 bytes of `bytes` at `at`, or -1. */
  lookup4(bytes: Uint8Array, at: number): number {
    const key = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
    const nodes = this.#nodes
    let owner = 0
    let node = this.#root4
    while (node !== 0) {
      const length = nodes[node + LENGTH]!
      if (Math.clz32(nodes[node]! ^ key) < length) break
      if (nodes[node + OWNER] !== 0) owner = nodes[node + OWNER]!
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
      const length = nodes[node + LENGTH]!
      if (commonBits(nodes, node, a, b, c, d) < length) break
      if (nodes[node + OWNER] !== 0) owner = nodes[node + OWNER]!
      if (length === 128) break
      node = nodes[node + CHILDREN + bitAt(length, a, b, c, d)]!
    }
    return owner - 1
  }

  /** Gives a prefix to `owner`, taking it from whoever had it. Bits of `address` behind `length` do not count. */
  insert(address: IpAddress, length: number, owner: number): void {
    const width = address.length * 8
    const [a, b, c, d] = readPrefix(address, length)
    let parent = 0
    let node = width === 32 ? this.#root4 : this.#root6
    let common = 0
    while (node !== 0) {
      const nodeLength = this.#nodes[node + LENGTH]!
      common = Math.min(commonBits(this.#nodes, node, a, b, c, d), nodeLength, length)
      if (common < nodeLength) break
      if (nodeLength === length) return this.#own(node, owner)
      parent = node
      node = this.#nodes[node + CHILDREN + bitAt(nodeLength, a, b, c, d)]!
    }
    const inserted = this.#allocate(a, b, c, d, length, width)
    if (node === 0) {
      this.#replaceChild(parent, inserted, a, b, c, d, width)
    } else if (common === length) {
      this.#replaceChild(parent, inserted, a, b, c, d, width)
      this.#adopt(inserted, node)
    } else {
      const [forkA, forkB, forkC, forkD] = readPrefix(address, common)
      const fork = this.#allocate(forkA, forkB, forkC, forkD, common, width)
      this.#replaceChild(parent, fork, a, b, c, d, width)
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
      const nodeLength = this.#nodes[node + LENGTH]!
      if (nodeLength > length || commonBits(this.#nodes, node, a, b, c, d) < nodeLength) return false
      if (nodeLength === length) break
      node = this.#nodes[node + CHILDREN + bitAt(nodeLength, a, b, c, d)]!
    }
    if (node === 0 || this.#nodes[node + OWNER] !== owner + 1) return false
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
    for (let node = this.#lists[owner * 2]!; node !== 0; node = this.#nodes[node + NEXT]!) {
      const address = new Uint8Array(this.#nodes[node + WIDTH]! / 8)
      for (let i = 0; i < address.length; i++) address[i] = this.#nodes[node + (i >> 2)]! >>> (24 - (i & 3) * 8)
      prefixes.push({ address, length: this.#nodes[node + LENGTH]! })
    }
    return prefixes
  }

  /** Makes `owner` the owner of a node, the last in its list. */
  #own(node: number, owner: number): void {
    if (this.#nodes[node + OWNER] !== 0) this.#unlink(node)
    while (owner * 2 >= this.#lists.length) this.#lists = grown(this.#lists)
    const nodes = this.#nodes
    const last = this.#lists[owner * 2 + 1]!
    nodes[node + OWNER] = owner + 1
    nodes[node + PREVIOUS] = last
    nodes[node + NEXT] = 0
    if (last === 0) this.#lists[owner * 2] = node
    else nodes[last + NEXT] = node
    this.#lists[owner * 2 + 1] = node
    this.#size++
  }

  #unlink(node: number): void {
    const nodes = this.#nodes
    const list = (nodes[node + OWNER]! - 1) * 2
    const next = nodes[node + NEXT]!
    const previous = nodes[node + PREVIOUS]!
    if (previous === 0) this.#lists[list] = next
    else nodes[previous + NEXT] = next
    if (next === 0) this.#lists[list + 1] = previous
    else nodes[next + PREVIOUS] = previous
    nodes[node + OWNER] = 0
    this.#size--
  }

  /** Takes a node from its owner, then removes it and the fork above it unless they still hold two children together. */
  #vacate(node: number): void {
    this.#unlink(node)
    const nodes = this.#nodes
    while (node !== 0 && nodes[node + OWNER] === 0) {
      const zero = nodes[node + CHILDREN]!
      const one = nodes[node + CHILDREN + 1]!
      if (zero !== 0 && one !== 0) return
      const parent = nodes[node + PARENT]!
      const child = zero === 0 ? one : zero
      if (child !== 0) nodes[child + PARENT] = parent
      if (parent === 0) this.#setRoot(nodes[node + WIDTH]!, child)
      else nodes[parent + CHILDREN + (nodes[parent + CHILDREN] === node ? 0 : 1)] = child
      nodes[node + NEXT] = this.#free
      this.#free = node
      if (child !== 0) return
      node = parent
    }
  }

  /** Puts `node` where the path of a key continues below `parent`; `parent` 0 is the root's place. */
  #replaceChild(parent: number, node: number, a: number, b: number, c: number, d: number, width: number): void {
    this.#nodes[node + PARENT] = parent
    if (parent === 0) return this.#setRoot(width, node)
    this.#nodes[parent + CHILDREN + bitAt(this.#nodes[parent + LENGTH]!, a, b, c, d)] = node
  }

  #adopt(parent: number, child: number): void {
    const nodes = this.#nodes
    this.#replaceChild(
      parent,
      child,
      nodes[child]!,
      nodes[child + 1]!,
      nodes[child + 2]!,
      nodes[child + 3]!,
      nodes[child + WIDTH]!,
    )
  }

  #setRoot(width: number, node: number): void {
    if (width === 32) this.#root4 = node
    else this.#root6 = node
  }

  #allocate(a: number, b: number, c: number, d: number, length: number, width: number): number {
    let node = this.#free
    if (node === 0) {
      node = this.#end
      this.#end += NODE_WORDS
      if (this.#end > this.#nodes.length) this.#nodes = grown(this.#nodes)
    } else {
      this.#free = this.#nodes[node + NEXT]!
    }
    const nodes = this.#nodes
    nodes.fill(0, node, node + NODE_WORDS)
    nodes[node] = a
    nodes[node + 1] = b
    nodes[node + 2] = c
    nodes[node + 3] = d
    nodes[node + LENGTH] = length
    nodes[node + WIDTH] = width
    return node
  }
}

/** How many leading bits a node's prefix shares with a key. An IPv4 node shares the empty words too. */
function commonBits(nodes: Int32Array, node: number, a: number, b: number, c: number, d: number): number {
  if (nodes[node] !== a) return Math.clz32(nodes[node]! ^ a)
  if (nodes[node + 1] !== b) return 32 + Math.clz32(nodes[node + 1]! ^ b)
  if (nodes[node + 2] !== c) return 64 + Math.clz32(nodes[node + 2]! ^ c)
  return 96 + Math.clz32(nodes[node + 3]! ^ d)
}

function bitAt(index: number, a: number, b: number, c: number, d: number): number {
  const word = index < 64 ? (index < 32 ? a : b) : index < 96 ? c : d
  return (word >>> (31 - (index & 31))) & 1
}

function readWord(bytes: Uint8Array, at: number): number {
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
