/**
 * The cells of a record (RFC 4180), read line by line: a quoted cell may go on in the next. Spaces around quotes are no
 * part of a cell.
 */
import type { Delimiter } from "../Delimiter.ts"
import { quoted } from "../Quoted.ts"
import type { Line } from "./Lines.ts"

/** What a record has come to at the end of a line: whole, in need of another line, or none. */
export type Scanned = { readonly _tag: "Whole" } | { readonly _tag: "Open" } | {
  readonly _tag: "Bad"
  /** What is wrong, in words. */
  readonly why: string
}

/** A record that grows. */
export interface Scan {
  /** The cells that are whole. */
  readonly cells: ReadonlyArray<string>
  readonly add: (line: Pick<Line, "end" | "text">) => Scanned
}

/** The beginning of a cell, as errors show it. */
export const shown = (cell: string): string => quoted(cell.slice(0, 40))

export const make = (delimiter: Delimiter): Scan => {
  const cells: Array<string> = []
  /** What stands in the quoted cell so far. */
  let cell = ""
  let isOpen = false
  const opening = / *"/y
  const spaces = / */y
  const bad = (what: string, text: string): Scanned => ({
    _tag: "Bad",
    why: `${what} ${shown(text)}, in cell ${cells.length + 1}`
  })
  /** Whether a cell opens with a quote at a place, and the place behind that or it. */
  const opensAt = (text: string, at: number): number | undefined => {
    opening.lastIndex = at
    return opening.test(text) ? opening.lastIndex : undefined
  }
  /** The place behind the quote that closes the cell; none where the line ends within. */
  const closesAt = (text: string, at: number): number | undefined => {
    for (let from = at;;) {
      const quote = text.indexOf("\"", from)
      cell += quote < 0 ? text.slice(from) : text.slice(from, quote)
      if (quote < 0) return undefined
      if (text[quote + 1] !== "\"") return quote + 1
      cell += "\""
      from = quote + 2
    }
  }
  return {
    cells,
    add: ({ end, text }) => {
      for (let at = 0;;) {
        const opened = isOpen ? at : opensAt(text, at)
        if (opened === undefined) {
          const next = text.indexOf(delimiter, at)
          const plain = next < 0 ? text.slice(at) : text.slice(at, next)
          if (plain.includes("\"")) return bad("a quote within", plain)
          cells.push(plain)
          if (next < 0) return { _tag: "Whole" }
          at = next + 1
          continue
        }
        isOpen = true
        const closed = closesAt(text, opened)
        if (closed === undefined) {
          cell += end
          return { _tag: "Open" }
        }
        spaces.lastIndex = closed
        spaces.test(text)
        const next = spaces.lastIndex
        if (next < text.length && text[next] !== delimiter) return bad("text behind the closing quote of", cell)
        cells.push(cell)
        cell = ""
        isOpen = false
        if (next >= text.length) return { _tag: "Whole" }
        at = next + 1
      }
    }
  }
}
