/** Layouts of C structs as plain tables, so that a test can hold them against a C compiler. */

/** `size` of the whole and the offset of each field that we use, in bytes. Declare with `as const` to keep the names. */
export interface StructLayout {
  readonly size: number
  readonly [field: string]: number
}

/** The fields of a layout, without its size. */
export function fieldsOf(layout: StructLayout): [name: string, offset: number][] {
  return Object.entries(layout).filter(([name]) => name !== 'size')
}

/** Throws when a field lies outside of its struct. */
export function checkLayout(name: string, layout: StructLayout): void {
  for (const [field, offset] of fieldsOf(layout)) {
    if (!Number.isInteger(offset) || offset < 0 || offset >= layout.size) {
      throw new RangeError(`${name}.${field} at ${offset} is outside of ${layout.size} bytes`)
    }
  }
}
