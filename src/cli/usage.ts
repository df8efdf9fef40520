/**
 * Mistakes of a command line in words: what was given, what is taken, and what was probably meant.
 */
import type { CliError } from "effect/cli"
import { either, near, suggestion } from "../kernels/text/near.ts"
import { show } from "../kernels/text/show.ts"

/** What the parser adds around a reason. */
const bare = (expected: string): string =>
  expected.replace(/^Schema validation failed: /, "").replace(/^Expected:? /, "").trim()

/** "a, b or c" of the parser's `"a" | "b" | "c"`. */
const choices = (expected: string): ReadonlyArray<string> =>
  /^"[^"]*"( \| "[^"]*")*$/.test(expected) ? [...expected.matchAll(/"([^"]*)"/g)].map(([, choice = ""]) => choice) : []

const valueFault = ({ expected, kind, option, value }: CliError.InvalidValue): string => {
  const name = kind === "argument" ? option : `--${option}`
  const reason = bare(expected)
  const words = choices(reason)
  if (words.includes("true") && words.includes("false")) return `${name} takes no value, got "${value}": leave it out`
  if (words.length > 0) return `${name} is ${either(words)}, got "${value}"${suggestion(near(value, words))}`
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
      return `there is no flag ${error.option}${suggestion(error.suggestions)}`
    case "UnknownSubcommand":
      return `there is no command ${show(error.subcommand)}${suggestion(error.suggestions)}`
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

/**
 * The mistakes to tell of: where the command itself is none, its flags were held against those of no command, and what
 * is said of them is no help.
 */
export const worthTelling = (errors: ReadonlyArray<CliError.NonShowHelpErrors>) => {
  const unknown = errors.filter(({ _tag }) => _tag === "UnknownSubcommand")
  return unknown.length === 0 ? errors : unknown
}

/** Where the help is. */
export const next = (commandPath: ReadonlyArray<string>): string => `See "${commandPath.join(" ")} --help".`
