/**
 * The line of a terminal that is redrawn. The cursor is neither hidden nor moved away: nothing has to be put right
 * when a process ends, however it ends.
 */
import type { Out } from "./Event.ts"
import { cells } from "./Width.ts"

/** A terminal's last line. */
export interface Screen {
  /** Cells of a line: two are left for the "^C" that a terminal writes behind it. */
  readonly width: () => number
  /** Puts a line, and whether it is redrawn later or stays. */
  readonly draw: (text: string, stays: boolean) => void
  /** Writes lines that stay. */
  readonly above: (lines: string) => void
  /** Takes the line away. */
  readonly erase: () => void
}

/** Those that have a line under way. */
const drawn = new Set<Screen>()

/**
 * Takes every line away that would be redrawn: called before anything else is written to a terminal, so that a message
 * neither begins behind a line nor is overwritten by the next one.
 */
export const eraseAll = (): void => {
  for (const screen of drawn) screen.erase()
}

/** The screen that an output is. */
export const make = (out: Out): Screen => {
  /** Cells of the line that stands. */
  let stands = 0
  const columns = () => Math.max(1, out.columns ?? 100)
  const cleared = () => {
    // A terminal that has become narrower has broken the line.
    const above = Math.ceil(stands / columns()) - 1
    stands = 0
    drawn.delete(screen)
    return above > 0 ? `\r\u001b[${above}A\u001b[J` : "\r\u001b[2K"
  }
  const screen: Screen = {
    width: () => Math.max(1, columns() - 3),
    draw: (text, stays) => {
      out.write(`${cleared()}${text}${stays ? "\n" : ""}`)
      if (stays) return
      stands = cells(text)
      drawn.add(screen)
    },
    above: (lines) => void out.write(`${cleared()}${lines}\n`),
    erase: () => {
      if (stands > 0) out.write(cleared())
    }
  }
  return screen
}
