/**
 * Keys that an object of a JSON text has twice. `JSON.parse` takes the last of them without a word.
 *
 * Keys are compared where they stand in the text: an object has few, and cutting millions of them out of it would take
 * longer than parsing.
 */
import { show } from "../text/show.ts"
import { CLOSE_LIST, CLOSE_OBJECT, endOfString, enter, OPEN_LIST, OPEN_OBJECT } from "./JsonBounds.ts"
import { place } from "./JsonFault.ts"
import { type Key, nameOf, visit } from "./JsonVisit.ts"

const [QUOTE, COLON] = [0x22, 0x3a]

/** An object has a key twice. */
export class RepeatedKey extends SyntaxError {}

/** Keys of an object that are compared one by one; those of larger ones are looked up. */
const few = 16

/** The first key that stands twice, by the names that keys stand for. */
const byName = (text: string): Key | undefined => {
  const open: Array<Set<string>> = []
  let found: Key | undefined
  visit(text, {
    open: () => void open.push(new Set()),
    close: () => void open.pop(),
    key: (key) => {
      const names = open.at(-1)
      const name = found === undefined ? nameOf(text, key) : ""
      if (names?.has(name) === true) found ??= key
      names?.add(name)
    }
  })
  return found
}

/** Whether as many characters from two places on are the same. */
const isSame = (text: string, a: number, b: number, length: number): boolean => {
  for (let i = 0; i < length; i++) if (text.charCodeAt(a + i) !== text.charCodeAt(b + i)) return false
  return true
}

/** The first key of a text that stands twice in an object; or that keys are escaped, so that only names tell. */
export type Found = Key | "escaped" | undefined

/**
 * Looks for it, whether the text is JSON or not.
 *
 * @throws RangeError where the text holds more than `JsonBounds` allows
 */
export const find = (text: string): Found => {
  // Keys of the objects that are open, one object's behind another's, and where each object's begin.
  const [starts, ends, bases]: [Array<number>, Array<number>, Array<number>] = [[], [], []]
  const sets: Array<Set<string> | undefined> = []
  let [size, depth, count] = [0, 0, 0]
  let slash = text.indexOf("\\")
  let [start, end] = [0, 0]
  let escaped = false
  let repeated: Key | undefined
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      start = at
      end = endOfString(text, at)
      at = end
    } else if (code === COLON) {
      if (slash >= 0 && slash < start) slash = text.indexOf("\\", start)
      // An escaped key may stand for the same as another that is written otherwise.
      if (slash > start && slash < end) escaped = true
      const base = bases.at(-1) ?? 0
      if (size - base < few) {
        for (let i = base; i < size; i++) {
          const from = starts[i] ?? 0
          if (ends[i] === from + end - start && isSame(text, from + 1, start + 1, end - start - 1)) {
            repeated ??= { start, end: end + 1, escaped: false }
          }
        }
        starts[size] = start
        ends[size] = end
        size++
      } else {
        const names = sets[bases.length] ??
          new Set(starts.slice(base, size).map((from, i) => text.slice(from, ends[base + i])))
        sets[bases.length] = names
        const name = text.slice(start, end)
        if (names.has(name)) repeated ??= { start, end: end + 1, escaped: false }
        names.add(name)
      }
    } else if (code === OPEN_OBJECT) {
      enter(at, ++depth, ++count)
      bases.push(size)
      sets[bases.length] = undefined
    } else if (code === CLOSE_OBJECT) {
      depth--
      size = bases.pop() ?? 0
    } else if (code === OPEN_LIST) enter(at, ++depth, ++count)
    else if (code === CLOSE_LIST) depth--
  }
  return escaped ? "escaped" : repeated
}

const keyOf = (text: string, found: Found): Key | undefined => found === "escaped" ? byName(text) : found

/** The name of the first, in a text that `JSON.parse` has accepted. */
export const nameIn = (text: string): string | undefined => {
  const key = keyOf(text, find(text))
  return key === undefined ? undefined : nameOf(text, key)
}

/** `line 2, column 7: "label" stands twice in one object`, of a text that `JSON.parse` has accepted. */
export const fault = (text: string, found: Found): string | undefined => {
  const key = keyOf(text, found)
  return key === undefined
    ? undefined
    : `${place(text, key.start)}: ${show(nameOf(text, key))} stands twice in one object, and which of them holds ` +
      "cannot be told: leave one"
}
