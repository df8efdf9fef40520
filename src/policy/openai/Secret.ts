/**
 * Taking a key out of texts that are shown, in whatever spelling it comes back.
 *
 * A server or a proxy that quotes what it was sent may escape it for JSON, HTML or an address, or encode it whole.
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
      `\\\\{0,4}${literal(char)}`,
      `\\\\{1,4}(?:u00|x)${hex}`,
      `%(?:25){0,2}${hex}`,
      `&(?:amp;)?(?:#0{0,4}${code}|#[xX]0{0,4}${hex}${named[char] === undefined ? "" : `|${named[char]}`});`
    ].join("|")
  })`
}

/** The characters of its Base64 that do not depend on what stands before and after it, at each of three alignments. */
const base64 = (secret: string): ReadonlyArray<string> =>
  [0, 1, 2].map((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)])
    const own = whole.toString("base64").slice(Math.ceil(before * 8 / 6), Math.floor(whole.length * 8 / 6))
    return literal(own).replaceAll("\\+", "(?:\\+|-)").replaceAll("\\/", "(?:\\\\?\\/|_)")
  })

/** Replaces a secret by `<redacted>`; an empty one is none. */
export const redactor = (secret: string): (text: string) => string => {
  if (secret === "") return (text) => text
  const spellings = [
    [...secret].map(spelled).join(""),
    ...(secret.length < LEAST_ENCODED ? [] : [...base64(secret), eitherCase(Buffer.from(secret).toString("hex"))])
  ]
  const pattern = new RegExp(spellings.join("|"), "g")
  return (text) => text.replace(pattern, "<redacted>")
}
