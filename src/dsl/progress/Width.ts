/**
 * Text in the cells of a terminal: a Chinese character takes two, a combining accent none.
 */
import stringWidth from "string-width"

const graphemes = new Intl.Segmenter()

/** How many cells a text takes. */
export const cells = (text: string): number => stringWidth(text)

/**
 * Words one after the other, in lines of at most so many cells; a longer word has a line of its own. A no-break space
 * holds words together.
 */
export const wrapped = (text: string, room: number): ReadonlyArray<string> =>
  text.split(/[ \t\r\n]+/).filter((word) => word !== "").reduce<ReadonlyArray<string>>((lines, word) => {
    const last = lines.at(-1)
    const longer = `${last} ${word}`
    return last !== undefined && cells(longer) <= room ? [...lines.slice(0, -1), longer] : [...lines, word]
  }, [])

/** As much of the beginning as fits into so many cells. */
const head = (parts: ReadonlyArray<string>, room: number): string => {
  let text = ""
  let left = room
  for (const part of parts) {
    left -= cells(part)
    if (left < 0) break
    text += part
  }
  return text
}

const partsOf = (text: string): ReadonlyArray<string> => Array.from(graphemes.segment(text), ({ segment }) => segment)

/** The text, with "…" at its end where it takes more than so many cells. */
export const cut = (text: string, room: number): string =>
  cells(text) <= room ? text : room < 1 ? "" : `${head(partsOf(text), room - 1)}…`

/** The text, with "…" in its middle where it takes more than so many cells: of a name both ends tell it from others. */
export const squeezed = (text: string, room: number): string => {
  if (cells(text) <= room) return text
  if (room < 3) return cut(text, room)
  const parts = partsOf(text)
  const first = head(parts, Math.floor((room - 1) / 2))
  const last = head(parts.toReversed(), room - 1 - cells(first))
  return `${first}…${partsOf(last).toReversed().join("")}`
}
