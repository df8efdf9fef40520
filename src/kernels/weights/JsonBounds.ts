/**
 * How much a JSON text may hold, told from its brackets before anything is built of it.
 *
 * The parser builds any depth, but whoever walks what it built ends the process; and three characters, `{},`, become
 * fifty bytes.
 */

/** Lists and objects in one another; data sets nest about ten deep. */
export const deepest = 256
/** Lists and objects in all: four times those of COCO's largest file. */
const MOST = 2 ** 24

const [QUOTE, BACKSLASH] = [0x22, 0x5c]
/** Character codes of the brackets. */
export const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d] as const

/** Where the string that begins at `start` ends, at its quotation mark or with the text. */
export const endOfString = (text: string, start: number): number => {
  for (let end = text.indexOf("\"", start + 1); end >= 0; end = text.indexOf("\"", end + 1)) {
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++
    if (slashes % 2 === 0) return end
  }
  return text.length
}

/**
 * A list or an object begins at a character.
 *
 * @param depth in how many it lies, itself included
 * @param count how many there are as far as here
 * @throws RangeError where that is more than a text may hold
 */
export const enter = (at: number, depth: number, count: number): void => {
  if (depth > deepest) throw new RangeError(`nested more than ${deepest} deep, at character ${at}`)
  if (count > MOST) throw new RangeError(`holds more than ${MOST} lists and objects`)
}

/** @throws RangeError where a text holds more */
export const check = (text: string): void => {
  // Of so few characters it cannot.
  if (text.length <= deepest) return
  let depth = 0
  let count = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfString(text, at)
    else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth--
    else if (code === OPEN_LIST || code === OPEN_OBJECT) enter(at, ++depth, ++count)
  }
}
