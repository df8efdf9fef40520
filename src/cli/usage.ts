/**
 * Mistakes of a command line in words: what was given, what is taken, and what was probably meant.
 */
import type { CliError } from "effect/cli"
import { show } from "../kernels/text/show.ts"

/** What the parser adds around a reason. */
const bare = (expected: string): string =>
  expected.replace(/^Schema validation failed: /, "").replace(/^Expected:? /, "").trim()

/** "a, b or c" of the parser's `"a" | "b" | "c"`. */
const choices = (expected: string): ReadonlyArray<string> =>
  /^"[^"]*"( \| "[^"]*")*$/.test(expected) ? [...expected.matchAll(/"([^"]*)"/g)].map(([, choice = ""]) => choice) : []

const listed = (words: ReadonlyArray<string>): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`

/** Edits between two words: letters put in, left out or changed. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...b].entries()) {
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** The words that a mistyped one may stand for: at most a third of it changed. */
const near = (word: string, words: ReadonlyArray<string>): ReadonlyArray<string> =>
  words.filter((other) => distance(word.toLowerCase(), other.toLowerCase()) <= Math.max(1, Math.floor(word.length / 3)))

const meant = (words: ReadonlyArray<string>): string => words.length === 0 ? "" : `: did you mean ${listed(words)}?`

const valueFault = ({ expected, kind, option, value }: CliError.InvalidValue): string => {
  const name = kind === "argument" ? option : `--${option}`
  const reason = bare(expected)
  const words = choices(reason)
  if (words.includes("true") && words.includes("false")) return `${name} takes no value, got "${value}": leave it out`
  if (words.length > 0) return `${name} is ${listed(words)}, got "${value}"${meant(near(value, words))}`
  // Where none was given the parser only knows its placeholder.
  if (kind === "flag" && value === "") return `${name} wants a value${/^[A-Z,]+$/.test(reason) ? "" : `: ${reason}`}`
  if (reason === "at most 1 value") return `${name} is given more than once: leave all but one out`
  // A number shows itself; other texts might end in a space.
  const got = /^\S+$/.test(value) ? value : show(value)
  return `${name} is ${
    reason.replace(/^an integer$/, "a whole number").replace(/^a string representing /, "")
  }, got ${got}`
}

/** A mistake as one line, without the next step. */
export const fault = (error: CliError.NonShowHelpErrors): string => {
  switch (error._tag) {
    case "UnrecognizedOption":
      return `there is no flag ${error.option}${meant(error.suggestions)}`
    case "UnknownSubcommand":
      return `there is no command ${show(error.subcommand)}${meant(error.suggestions)}`
    case "MissingArgument":
      return `${error.argument} is missing`
    case "MissingOption":
      return `--${error.option} is missing`
    case "UnexpectedArgument":
      return `nothing is done with ${error.arguments.map((text) => show(text)).join(", ")}: leave it out, or put ` +
        `it behind the flag that it belongs to`
    case "InvalidValue":
      return valueFault(error)
    default:
      return error.message
  }
}

/** Where the help is. */
export const next = (commandPath: ReadonlyArray<string>): string => `See "${commandPath.join(" ")} --help".`
