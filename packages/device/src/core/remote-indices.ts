/** Receiver indices of what we send. Peers choose them: two may choose the same, so each is counted. */
export class RemoteIndices {
  readonly #sessions = new Map<number, number>()

  /** `index` is any 32-bit number, signed or not. */
  has(index: number): boolean {
    return this.#sessions.has(index | 0)
  }

  add(index: number): void {
    this.#sessions.set(index | 0, (this.#sessions.get(index | 0) ?? 0) + 1)
  }

  remove(index: number): void {
    const left = (this.#sessions.get(index | 0) ?? 0) - 1
    if (left > 0) this.#sessions.set(index | 0, left)
    else this.#sessions.delete(index | 0)
  }
}
