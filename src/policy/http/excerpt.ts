/** Longest excerpt of a server's answer, in characters. */
const LONGEST = 240

/** The start of a text on one line. */
export const excerpt = (text: string): string => {
  const line = text.replace(/\s+/g, " ").trim()
  return line === "" ? "(empty)" : line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line
}
