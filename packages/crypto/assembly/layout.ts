/** The memory of the handshake module: two pages of its own. What it needs constant lies below 1024. */

/** Working memory of BLAKE2s; nothing in it outlives a call that wipes. */
export const WORK: usize = 1024
export const WORK_BYTES: usize = 64

/** Where src/internal/wasm-handshake.ts writes input: a page, and room to pad its last block. */
export const INPUT: usize = 4096

/** Working memory of X25519, which wipes it: a factor of a product, twice; then field elements. */
export const PRODUCT: usize = 69_888
export const ELEMENTS: usize = PRODUCT + 384
export const ELEMENTS_END: usize = 73_856

/** Multiples of the base point, made at the first use: up to the end of the second page. */
export const TABLE: usize = 81_920
