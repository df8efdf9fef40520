/**
 * The scans of a progressive JPEG in an order that the decoder has nothing to say of.
 *
 * It complains of "an inconsistent progression sequence" where a scan comes twice, or where the fine coefficients of a
 * component come before its first coarse ones. All that a picture holds is there then: a scan of the same data with the
 * same tables says nothing new, and whatever begins a component may come first. A refinement of what has not come yet
 * is left where it is, and is damage.
 */

interface Scan {
  /** All that it takes to read it. */
  readonly bytes: Uint8Array
  /** Whether it is the first of the coarse coefficients. */
  readonly isBase: boolean
}

/** The tables in a segment of Huffman codes: a byte that says which, 16 of how many of each length, and so many. */
const tablesIn = (segment: Uint8Array): ReadonlyArray<Uint8Array> => {
  const tables: Array<Uint8Array> = []
  for (let at = 4; at + 17 <= segment.length;) {
    const codes = segment.subarray(at + 1, at + 17).reduce((sum, count) => sum + count, 0)
    tables.push(segment.subarray(at, at + 17 + codes))
    at += 17 + codes
  }
  return tables
}

const asSegment = (table: Uint8Array): Uint8Array =>
  Buffer.concat([Uint8Array.of(0xff, 0xc4, table.length + 2 >> 8, table.length + 2 & 255), table])

/** Gathers what follows the frame of a progressive JPEG. */
export const make = () => {
  /** By class and number, as one byte. */
  const tables = new Map<number, Uint8Array>()
  let restarts = new Uint8Array()
  const scans: Array<Scan> = []
  return {
    /** Takes a segment of Huffman codes or restarts; the scans that follow are read with it. Others it leaves. */
    take: (segment: Uint8Array): boolean => {
      if (segment[1] === 0xc4) {
        for (const table of tablesIn(segment)) tables.set(table[0] ?? 0, table)
      } else if (segment[1] === 0xdd) restarts = new Uint8Array(segment)
      else return false
      return true
    },
    /** Adds a scan: its header and its data. */
    add: (header: Uint8Array, data: Uint8Array): void => {
      const components = header[4] ?? 0
      const [first = 0, , approximation = 0] = header.subarray(5 + 2 * components)
      const used = Array.from({ length: components }, (_, i) => {
        const numbers = header[6 + 2 * i] ?? 0
        return first === 0 ? numbers >> 4 : 0x10 | numbers & 15
      })
      // Refinements of coarse coefficients are plain bits.
      const codes = first === 0 && approximation >> 4 > 0 ? [] : [...new Set(used)]
      const segments = codes.flatMap((number) => {
        const table = tables.get(number)
        return table === undefined ? [] : [asSegment(table)]
      })
      const bytes = Buffer.concat([restarts, ...segments, header, data])
      if (scans.some((scan) => bytes.equals(scan.bytes))) return
      scans.push({ bytes, isBase: first === 0 && approximation >> 4 === 0 })
    },
    /** The scans, those first that begin a component. */
    inOrder: (): ReadonlyArray<Uint8Array> =>
      [...scans.filter(({ isBase }) => isBase), ...scans.filter(({ isBase }) => !isBase)].map(({ bytes }) => bytes)
  }
}
