/** Bytes that hold secrets. */

/**
 * Overwrites with zeros. The runtime may have copied an array before (garbage collection moves small ones), so this
 * shortens the life of a secret; it does not promise that no copy is left.
 */
export function wipe(...secrets: readonly Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0)
}
