/** Where every handshake starts, whoever takes part (§5.4.2). A test derives both from their formulas. */

/** C := HASH(CONSTRUCTION) */
export const INITIAL_CHAINING_KEY: Uint8Array = decode(
  '60e26daef327efc02ec335e2a025d2d016eb4206f87277f52d38d1988b78cd36',
)

/** H := HASH(C || IDENTIFIER) */
export const INITIAL_HASH: Uint8Array = decode('2211b361081ac566691243db458ad5322d9c6c662293e8b70ee19c65ba079ef3')

function decode(hex: string): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16))
}
