/**
 * Sentences on a terminal: broken at the ends of words, where the terminal would break them anywhere.
 *
 * Where there is no terminal a line stays one, for whoever searches or counts lines. So does a command, which would be
 * run by halves once it is copied, and what is no sentence: columns of a table, JSON, a stack.
 */
import { cells } from "./Width.ts"

/** What lines of JSON, of tables and of stacks begin with. A sentence may begin with a name in quotes. */
const others = /^\s*(?:[{}[\]|]|"(?:[^"\\]|\\.)*"(?::|,?$))|^\s+at /

/** Neither that nor columns beside one another. */
const isSentence = (line: string): boolean => !/\S {2,}\S/.test(line) && !others.test(line)

/** What a command begins with. */
const programs: ReadonlySet<string> = new Set(["npx", "npm", "node", "rise", "hf", "git", "pip", "uv"])

/** Longest command that is looked for, in words. */
const longest = 64

/** How many words from `at` on are a command with its flags: 1 where none begins there. */
const commandAt = (words: ReadonlyArray<string>, at: number): number => {
  const opening = /^[("'`]*/.exec(words[at] ?? "")?.[0].length ?? 0
  if (!programs.has((words[at] ?? "").slice(opening))) return 1
  const rest = words.slice(at, at + longest)
  const end = rest.findIndex((word) => /[.,;:)`]$/.test(word))
  const command = end < 0 ? rest : rest.slice(0, end + 1)
  return command.some((word) => word.startsWith("-")) || words[at] === "npx" ? command.length : 1
}

/** Words that stay together. */
const pieces = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (let at = 0; at < words.length;) {
    const length = commandAt(words, at)
    found.push(words.slice(at, at + length).join(" "))
    at += length
  }
  return found
}

const wrappedLine = (line: string, columns: number): string => {
  if (cells(line) <= columns || !isSentence(line)) return line
  const indent = /^ */.exec(line)?.[0] ?? ""
  // There has to be room for words.
  const before = indent.length <= columns / 2 ? indent : ""
  const lines: Array<string> = []
  let text = ""
  let taken = 0
  for (const piece of pieces(line.slice(indent.length).split(" "))) {
    const width = cells(piece)
    // The terminal breaks a word that no line holds, wherever it begins.
    const breaks = width > columns && !piece.includes(" ")
    if (text !== "" && taken + 1 + width > columns && !breaks) {
      lines.push(text)
      text = ""
    }
    taken = text === "" ? before.length + width : taken + 1 + width
    text = text === "" ? before + piece : `${text} ${piece}`
  }
  return [...lines, text].join("\n")
}

/** A text in lines of at most so many cells; as it is where nobody knows how wide they may be. */
export const wrapped = (text: string, columns: number | undefined): string =>
  columns === undefined || columns < 20
    ? text
    : text.split("\n").map((line) => wrappedLine(line, columns)).join("\n")
