/**
 * Values as messages quote them.
 *
 * What is quoted came from elsewhere: it may be nested without end, hold a text of megabytes or what moves a terminal's
 * cursor. `JSON.stringify` ends the process on the first and copies the second.
 */

/** Levels that are written; what lies deeper is an ellipsis. */
const DEEPEST = 6

/** Characters that JSON leaves as they are and that are not seen: C1, directions, line ends, joiners. */
const unseen = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]/g

const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`

/** A text in quotation marks, on one line; of a long one the beginning. */
const quoted = (text: string, most: number): string =>
  JSON.stringify(text.slice(0, Math.max(0, most) + 1)).replace(unseen, escaped)

/** The own entries of an object, one by one: it may have millions. */
function* entries(value: object): Generator<readonly [string, unknown]> {
  if (Array.isArray(value)) { for (const item of value) yield ["", item] }
  else for (const key in value) if (Object.hasOwn(value, key)) yield [key, Reflect.get(value, key)]
}

const write = (value: unknown, most: number, depth: number): string => {
  if (typeof value === "string") return quoted(value, most)
  if (typeof value === "function") return "a function"
  if (value === null || typeof value !== "object") return String(value)
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (value instanceof Date) return quoted(String(value), most)
  if (depth === DEEPEST) return "…"
  const isList = Array.isArray(value)
  let text = isList ? "[" : "{"
  for (const [key, item] of entries(value)) {
    if (text.length > most) break
    if (text.length > 1) text += ","
    if (!isList) text += `${quoted(key, most)}:`
    text += write(item, most - text.length, depth + 1)
  }
  return text + (isList ? "]" : "}")
}

/** A text of at most so many characters, and an ellipsis where it has more. */
const cut = (text: string, most: number): string => {
  if (text.length <= most) return text
  const end = text.slice(0, most)
  // Not through the middle of a character.
  return `${/[\ud800-\udbff]$/.test(end) ? end.slice(0, -1) : end}…`
}

/**
 * A value as JSON would write it, as far as it goes: on one line, at most `most` characters and an ellipsis. Whatever
 * the value is, this does not throw, and its work is bounded by `most`.
 */
export const show = (value: unknown, most = 100): string => {
  try {
    return cut(write(value, most, 0), most)
  } catch {
    // A proxy, or a getter that throws.
    return "a value that cannot be shown"
  }
}
