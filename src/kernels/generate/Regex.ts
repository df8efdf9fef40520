/**
 * Regular expressions as the mask engines of servers read them (XGrammar, llguidance): literals, classes, groups,
 * alternatives and repetition; no look-around, no anchors. JavaScript reads them, too.
 */

/** A text that stands for itself. */
export const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")

/** One of these; as it is where it is one. */
export const oneOf = (ways: ReadonlyArray<string>): string => {
  const [first = "", ...rest] = ways
  return rest.length === 0 ? first : `(?:${ways.join("|")})`
}

/** One character of several. */
const characterOf = (characters: ReadonlyArray<string>): string => {
  const [first = "", ...rest] = characters
  if (rest.length === 0) return literal(first)
  const points = characters.map((character) => character.codePointAt(0) ?? 0).toSorted((a, b) => a - b)
  const runs: Array<[number, number]> = []
  for (const point of points) {
    const last = runs.at(-1)
    if (last !== undefined && last[1] === point - 1) last[1] = point
    else runs.push([point, point])
  }
  const spelled = (point: number) => String.fromCodePoint(point).replace(/[\\\]^-]/g, "\\$&")
  return `[${
    runs.map(([from, to]) =>
      to - from < 2
        ? Array.from({ length: to - from + 1 }, (_, i) => spelled(from + i)).join("")
        : `${spelled(from)}-${spelled(to)}`
    ).join("")
  }]`
}

/**
 * Exactly these texts, read character by character: those that begin alike go the same way, and what goes on alike is
 * one class. A thousand numbers are a line.
 */
export const oneOfTexts = (texts: ReadonlyArray<string>): string => {
  const known = new Map<string, string>()
  const grow = (rests: ReadonlyArray<string>): string => {
    const key = rests.join("\n")
    const held = known.get(key)
    if (held !== undefined) return held
    const branches = new Map<string, Array<string>>()
    let ends = false
    for (const rest of rests) {
      const [character] = rest
      if (character === undefined) ends = true
      else branches.set(character, [...branches.get(character) ?? [], rest.slice(character.length)])
    }
    const after = new Map<string, Array<string>>()
    for (const [character, below] of branches) {
      const way = grow([...new Set(below)].toSorted())
      after.set(way, [...after.get(way) ?? [], character])
    }
    const ways = [...after].map(([way, characters]) => characterOf(characters) + way)
    const made = ways.length === 0 ? "" : ends ? `(?:${ways.join("|")})?` : oneOf(ways)
    known.set(key, made)
    return made
  }
  return grow([...new Set(texts)].toSorted())
}

/** Free text: no `<`, which begins tags and control tokens, and not blank all the way; part by part. */
export const freeText = (characters: number): ReadonlyArray<string> => {
  const most = Math.max(1, Math.floor(characters))
  const blank = Math.min(4, most - 1)
  const rest = most - blank - 1
  return [
    ...(blank > 0 ? [`[ \\n]{0,${blank}}`] : []),
    "[^< \\t\\r\\n]",
    ...(rest > 0 ? [`[^<]{0,${rest}}`] : [])
  ]
}
