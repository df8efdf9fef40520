/**
 * Why a text is no JSON, and where: V8 names a place for some faults, none for others, and calls the end of a text by
 * no place at all.
 */
import { show } from "../text/show.ts"

/** Characters of what stands at the fault that are shown. */
const SHOWN = 20

const VALUE = "a value"
const NAME = "a name in quotation marks"

/** A number or a word, as JSON has them. */
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const word = /true|false|null/y
const blank = /[ \t\n\r]*/y
const anyWord = /[\p{L}\p{N}_$.+-]{1,40}/uy

/** Within a text in quotation marks: what needs no escape, and an escape. */
const unescaped = /[^"\\\u0000-\u001f]*/y
const escape = /\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4})/y

/** What was expected at a place of the text. */
class Fault {
  readonly at: number
  readonly expected: string
  constructor(at: number, expected: string) {
    this.at = at
    this.expected = expected
  }
}

/** `line 2, column 7`, both counted from 1. */
export const place = (text: string, at: number): string => {
  let [line, start] = [1, 0]
  // Counted one by one: the text may be hundreds of megabytes, and a list of its lines as large again.
  for (let end = text.indexOf("\n"); end >= 0 && end < at; end = text.indexOf("\n", start)) {
    line++
    start = end + 1
  }
  return `line ${line}, column ${at - start + 1}`
}

/** Where the string that begins at a place ends, or what is wrong with it. */
const endOfString = (text: string, start: number): number | Fault => {
  for (let at = start + 1;;) {
    unescaped.lastIndex = at
    unescaped.test(text)
    at = unescaped.lastIndex
    if (text[at] === "\"") return at + 1
    if (text[at] !== "\\") return new Fault(at, `a quotation mark that ends the text begun at ${place(text, start)}`)
    escape.lastIndex = at
    if (!escape.test(text)) return new Fault(at, "an escape that there is: \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u0000")
    at = escape.lastIndex
  }
}

/** The first fault of a text. */
const find = (text: string): Fault | undefined => {
  let at = 0
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = at
    if (!pattern.test(text)) return false
    at = pattern.lastIndex
    return true
  }
  const open: Array<"{" | "["> = []
  // What may come next: a value, a name, either with the end of its record or list, or what follows a value.
  let next: "value" | "value or ]" | "name" | "name or }" | "after" = "value"
  for (;;) {
    skip(blank)
    const char = text[at]
    if (next === "after") {
      const inside = open.at(-1)
      if (inside === undefined) return at < text.length ? new Fault(at, "the end of the text") : undefined
      if (char === ",") {
        next = inside === "{" ? "name" : "value"
        at++
      } else if (char === (inside === "{" ? "}" : "]")) {
        open.pop()
        at++
      } else return new Fault(at, inside === "{" ? "a comma or }" : "a comma or ]")
    } else if ((next === "name or }" && char === "}") || (next === "value or ]" && char === "]")) {
      open.pop()
      next = "after"
      at++
    } else if (next === "name" || next === "name or }") {
      if (char !== "\"") return new Fault(at, next === "name" ? NAME : `${NAME} or }`)
      const end = endOfString(text, at)
      if (end instanceof Fault) return end
      at = end
      skip(blank)
      if (text[at] !== ":") return new Fault(at, "a colon")
      next = "value"
      at++
    } else if (char === "{" || char === "[") {
      open.push(char)
      next = char === "{" ? "name or }" : "value or ]"
      at++
    } else if (char === "\"") {
      const end = endOfString(text, at)
      if (end instanceof Fault) return end
      at = end
      next = "after"
    } else if (skip(word) || skip(number)) next = "after"
    else return new Fault(at, next === "value" ? VALUE : `${VALUE} or ]`)
  }
}

/** What stands at a place, as it is shown. */
const found = (text: string, at: number): string => {
  if (at >= text.length) return "the end of the text"
  anyWord.lastIndex = at
  const [all = String.fromCodePoint(text.codePointAt(at) ?? 0)] = anyWord.exec(text) ?? []
  return all === "\"" ? "a quotation mark" : show(all, SHOWN)
}

/**
 * Why a text is no JSON: `line 2, column 7: expected a comma or }, found "]"`. Undefined where it is.
 */
export const jsonFault = (text: string): string | undefined => {
  const fault = find(text)
  return fault === undefined
    ? undefined
    : `${place(text, fault.at)}: expected ${fault.expected}, found ${found(text, fault.at)}`
}
