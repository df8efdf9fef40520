/** Longest excerpt of a server's answer, in characters. */
const LONGEST = 240

/** A page for people, not an answer of a protocol. */
const page = /^\s*<(!doctype html|html)\b/i

/** The start of a text on one line; of a page of HTML its title, for its tags say nothing. */
export const excerpt = (text: string): string => {
  if (page.test(text)) {
    const title = (/<title[^>]*>([^<]{1,200})/i.exec(text)?.[1] ?? "").replace(/\s+/g, " ").trim()
    return title === "" ? "(a page of HTML)" : `(a page of HTML, "${title.slice(0, 80)}")`
  }
  const line = text.replace(/\s+/g, " ").trim()
  return line === "" ? "(empty)" : line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line
}
