/** The memory of the handshake module: two pages of its own. What it needs constant lies below 1024. */

/** Working memory of both halves; nothing in it outlives a call that wipes. */
export const WORK: usize = 1024

/** Where src/internal/wasm-handshake.ts writes input: a page, and room to pad its last block. */
export const INPUT: usize = 4096
