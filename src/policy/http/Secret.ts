/**
 * Taking a key out of texts that are shown, in whatever spelling it comes back.
 *
 * A server or a proxy that quotes what it was sent may escape it for JSON, HTML or an address, encode it whole, wrap or
 * cut it, or write it in capitals. Only for texts about an answer: in the answer itself a short key is any word.
 */

/** Shorter encodings are found in anything. */
const LEAST_ENCODED = 8

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")

const eitherCase = (hex: string): string => hex.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`)

const named: Readonly<Record<string, string>> = {
  "&": "amp",
  "<": "lt",
  ">": "gt",
  "\"": "quot",
  "'": "apos",
  "/": "sol",
  "+": "plus",
  "=": "equals",
  "_": "lowbar",
  ".": "period"
}

/** One character, plain or escaped, also twice. */
const spelled = (char: string): string => {
  const code = char.charCodeAt(0)
  const hex = eitherCase(code.toString(16).padStart(2, "0"))
  return `(?:${
    [
      `\\\\{1,4}(?:u00|x)${hex}`,
      `%(?:25){0,2}${hex}`,
      `&(?:amp;)?(?:#0{0,4}${code}|#[xX]0{0,4}${hex}${named[char] === undefined ? "" : `|${named[char]}`});`,
      // Last: the others may begin with it.
      `\\\\{0,4}${literal(char)}`
    ].join("|")
  })`
}

/** Where a line ends within it: wrapped, quoted-printable, escaped for JSON, or between the chunks of an answer. */
const wrap = "(?:[ \\t]{0,8}[=\\\\]?(?:\\r?\\n|\\\\{1,4}r\\\\{1,4}n|\\\\{1,4}n|%0[dD]%0[aA]|%0[aA])" +
  "(?:[0-9a-fA-F]{1,8}\\r?\\n)?[ \\t]{0,8})?"

/** The characters of its Base64 that do not depend on what stands before and after it, at each of three alignments. */
const base64 = (secret: string): ReadonlyArray<string> =>
  [0, 1, 2].map((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)])
    const own = whole.toString("base64").slice(Math.ceil(before * 8 / 6), Math.floor(whole.length * 8 / 6))
    const spell = (char: string) => char === "+" ? "(?:\\+|-|%2[bB])" : char === "/" ? "(?:\\\\?\\/|_|%2[fF])" : char
    return [...own].map(spell).join(wrap)
  })

/** A beginning of that length is no accident: a server has cut its words in the middle of the key. */
const leastOf = (secret: string): number =>
  secret.length < 16 ? secret.length : Math.max(12, Math.ceil(secret.length / 2))

/** Characters of a key that are looked for one by one; of a longer one, such as a JWT, the rest goes with them. */
const MOST_SPELLED = 256

/** The key or its beginning, in any case: dumps of headers are in capitals. */
const plain = (secret: string): RegExp => {
  const chars = [...secret].slice(0, MOST_SPELLED).map(spelled)
  const least = Math.min(chars.length, leastOf(secret))
  const rest = chars.slice(least).reduceRight((inner, char) => `(?:${wrap}${char}${inner})?`, "")
  const tail = secret.length > MOST_SPELLED ? "[^\\s\"'<>]*" : ""
  return new RegExp(chars.slice(0, least).join(wrap) + rest + tail, "gi")
}

/** Replaces a secret by `<redacted>`; an empty one is none. */
export const redactor = (secret: string): (text: string) => string => {
  if (secret === "") return (text) => text
  const start = secret.slice(0, MOST_SPELLED)
  const tail = (pattern: string) => start === secret ? "" : pattern
  const patterns = [
    plain(secret),
    ...(secret.length < LEAST_ENCODED
      ? []
      : [
        new RegExp(`(?:${base64(start).join("|")})${tail("[\\w+/=-]*")}`, "g"),
        new RegExp(`${Buffer.from(start).toString("hex")}${tail("[0-9a-f]*")}`, "gi")
      ])
  ]
  return (text) => patterns.reduce((clean, pattern) => clean.replace(pattern, "<redacted>"), text)
}
