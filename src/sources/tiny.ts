/**
 * Pictures that are too small to show anything: they are read, as nothing is wrong with them, and told of.
 */
import * as Quoted from "../data/Quoted.ts"

/** The least side, in pixels, of a picture that may show something. */
const least = 8

/** Pictures that are named. */
const named = 3

/** Tells of small pictures, after they have been seen. */
export interface Tiny {
  /** Called with each picture that is decoded, and its own size in pixels. */
  readonly see: (id: string, size: { readonly width: number; readonly height: number }) => void
  /** One line, or none. */
  readonly notes: () => ReadonlyArray<string>
}

/** Remembers small pictures by their ids: a pass that was not finished has seen some of them before. */
export const tiny = (): Tiny => {
  const found = new Map<string, string>()
  return {
    see: (id, { height, width }) => {
      if (Math.min(width, height) < least) found.set(id, `${width} × ${height}`)
    },
    notes: () => {
      if (found.size === 0) return []
      // Pictures are decoded beside each other, and end in any order.
      const some = [...found].toSorted(([a], [b]) => a < b ? -1 : 1).slice(0, named).map(([id, size]) =>
        `${id} (${size})`
      ).join(", ")
      const rest = found.size > named ? ` and ${found.size - named} more` : ""
      return [
        `${Quoted.count(found.size, "picture")} with a side under ${least} pixels, which ${
          found.size === 1 ? "shows" : "show"
        } next to nothing: ${some}${rest}`
      ]
    }
  }
}
