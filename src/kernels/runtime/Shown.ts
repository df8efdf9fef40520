/**
 * Text on its way to a terminal: file names, labels and what models and servers say may hold its commands.
 *
 * Control characters (C0, DEL and C1, which every escape sequence begins with), direction overrides and line
 * separators are written as `\u001b`: nothing is obeyed, nothing vanishes, and two names that differ still look
 * different. A line of JSON stays JSON of the same value. Files are never written through here.
 */

// New lines and tabs lay messages out.
const unsafe = /(?![\n\t])[\p{Cc}\p{Bidi_Control}\u2028\u2029\ufff9-\ufffb]/gu

const escaped = (text: string): string =>
  [...text].map((char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`).join("")

/** A text that a terminal only shows. */
export const shown = (text: string): string => text.replace(unsafe, escaped)

/** The same on one line. */
export const shownInLine = (text: string): string => shown(text).replace(/[\n\t]/g, escaped)
