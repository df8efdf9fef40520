/**
 * The command line as words: what a run is begun with, and what goes on with it.
 */
import * as Context from "effect/Context"
import { relative } from "node:path"

/** The words behind the program's name; those of the process where nothing else is provided. */
export const CommandLine = Context.Reference<ReadonlyArray<string>>("rise/CommandLine", {
  defaultValue: () => process.argv.slice(2)
})

/** A flag with its value, or a word in front of all flags: the name of a command. */
export interface Part {
  /** "--out"; "" for a word. */
  readonly flag: string
  readonly words: ReadonlyArray<string>
}

/** Flags by their short names. */
const long: Readonly<Record<string, string>> = {
  "-d": "--data",
  "-m": "--model",
  "-o": "--out",
  "-q": "--quiet",
  "-s": "--seed",
  "-w": "--workers"
}

/** Flags of every command, which may stand before its name and have no value. */
const alone = ["--json", "--quiet"]

/** Whether a word is a flag; "-1" is a value, and so is "-". */
const isFlag = (word: string) => /^-[^\d.]/.test(word)

/** The parts of a command line. Behind "--" there are no flags. */
export const partsOf = (words: ReadonlyArray<string>): ReadonlyArray<Part> => {
  const end = words.indexOf("--")
  const parts: Array<Part> = []
  for (const word of end < 0 ? words : words.slice(0, end)) {
    const last = parts.at(-1)
    const takes = last !== undefined && last.flag !== "" && last.words.length === 1 && !alone.includes(last.flag) &&
      !last.words[0]?.includes("=")
    if (!isFlag(word)) {
      if (takes) parts[parts.length - 1] = { flag: last.flag, words: [...last.words, word] }
      else parts.push({ flag: "", words: [word] })
      continue
    }
    const [name = word] = word.split("=")
    parts.push({ flag: long[name] ?? name, words: [word] })
  }
  return parts
}

/** The words that name a command: "train"; none of a program that is one command. */
export const commandOf = (words: ReadonlyArray<string>): ReadonlyArray<string> =>
  partsOf(words).flatMap(({ flag, words }) => flag === "" ? words : [])

/** A word as a shell reads it back. */
const quoted = (word: string): string => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`

/** How the program of this process is started. */
const launcher = (): string => {
  const [, file = ""] = process.argv
  if (/(^|[\\/])rise(\.[jt]s)?$/.test(file)) return "npx rise"
  const { npm_lifecycle_event: script = "npx" } = process.env
  return script === "npx" ? `node ${quoted(relative(process.cwd(), file))}` : `npm run ${script} --`
}

/**
 * The whole command line that goes on with the run in a folder: it has the other options in it.
 *
 * @param changed options that it was not begun with
 */
export const again = (words: ReadonlyArray<string>, out: string, changed: ReadonlyArray<string> = []): string =>
  [launcher(), ...commandOf(words), "--out", quoted(out), "--resume", ...changed.map(quoted)].join(" ")
