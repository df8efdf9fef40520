/** The structure of a JSON text: where its objects and lists begin and end, and where their keys stand. */

/** A key as it stands in a text, quotes included. */
export interface Key {
  readonly start: number
  readonly end: number
  readonly escaped: boolean
}

/** Called for every object's begin and end and for every key, in the text's order. */
export interface Visitor {
  readonly open?: (kind: "{" | "[") => void
  readonly close?: () => void
  readonly key: (key: Key) => void
}

/** Walks the structure of a text that `JSON.parse` has accepted. */
export const visit = (text: string, { close, key, open }: Visitor): void => {
  let position = 0
  while (position < text.length) {
    const char = text[position]
    if (char === "{" || char === "[") open?.(char)
    else if (char === "}" || char === "]") close?.()
    else if (char === "\"") {
      const start = position
      let escaped = false
      for (position++; text[position] !== "\""; position++) {
        if (text[position] !== "\\") continue
        escaped = true
        position++
      }
      const end = position + 1
      let after = end
      while (text[after] === " " || text[after] === "\n" || text[after] === "\t" || text[after] === "\r") after++
      if (text[after] === ":") key({ start, end, escaped })
    }
    position++
  }
}

/** The string that a key stands for. */
export const nameOf = (text: string, { end, start }: Key): string => String(JSON.parse(text.slice(start, end)))
