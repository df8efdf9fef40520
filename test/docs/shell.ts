/** Shell blocks of the pages, and whether what they call is there: commands, their flags, scripts and files. */
import { spawnSync } from "node:child_process"
import { existsSync, globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import packageJson from "../../package.json" with { type: "json" }
import { root } from "./blocks.ts"

/** A command line as somebody copies it. */
export interface Line {
  /** `docs/audit.md:6` */
  readonly place: string
  readonly text: string
}

/** Programs that are not ours: what they are given is theirs to know. */
const foreign = new Set(
  ("cd curl docker export find git hf mlflow npx-vitest pip python python3 source tensorboard uv vllm wget").split(" ")
)

/** Flags that every command of ours takes. */
const everywhere = ["--help", "-h", "--version", "-V", "-v", "--quiet", "-q", "--json", "--log-level", "--completions"]

const withoutComment = (line: string): string => line.replace(/(^|\s)# .*$/, "")

/** Lines of the fenced shell blocks of a page; lines that end in a backslash are one with the next. */
export const linesOf = (file: string, page: string): ReadonlyArray<Line> =>
  [...page.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap((match) => {
    const first = page.slice(0, match.index).split("\n").length
    const joined = (match[1] ?? "").replace(/\\\n/g, " ")
      // A program in quotes may have lines of its own.
      .replace(/'[^']*'|"[^"]*"/g, (quoted) => `quoted${quoted.replace(/[^\n]/g, "")}`)
    return joined.split("\n").map((text, i) => ({
      place: `${file}:${first + 1 + i}`,
      text: withoutComment(text).trim()
    }))
      .filter(({ text }) => text !== "")
  })

/** Command lines in the words of a page: those of ours that are whole enough to be checked. */
export const spokenOf = (file: string, page: string): ReadonlyArray<Line> =>
  [...page.replace(/^```.*?^```$/gms, (block) => block.replace(/[^\n]/g, " ")).matchAll(/`([^`\n]+)`/g)].flatMap(
    (match) => {
      const text = match[1] ?? ""
      const place = `${file}:${page.slice(0, match.index).split("\n").length}`
      return /^(npx )?rise [a-z]|^npm run [a-z]|^node [a-z]/.test(text) && !text.includes("…") ? [{ place, text }] : []
    }
  )

/** README, CONTRIBUTING and all pages below docs/. */
export const pages = (): ReadonlyArray<readonly [file: string, text: string]> =>
  ["README.md", "CONTRIBUTING.md", ...globSync("docs/*.md", { cwd: root }).sort()].map((file) =>
    [file, readFileSync(join(root, file), "utf8")] as const
  )

/** Our commands with their flags, as the command itself lists them for a shell. */
export const commands = (): ReadonlyMap<string, ReadonlySet<string>> => {
  const { stdout } = spawnSync(process.execPath, ["src/cli/rise.ts", "--completions", "fish"], {
    cwd: root,
    encoding: "utf8"
  })
  const found = new Map<string, Set<string>>()
  for (const [, name = ""] of stdout.matchAll(/__fish_use_subcommand' -f -a '([\w-]+)'/g)) found.set(name, new Set())
  for (const [, name = "", long = "", short] of stdout.matchAll(/_from ([\w-]+);.*? -l ([\w-]+)(?: -s (\w))?/g)) {
    found.get(name)?.add(`--${long}`)
    if (short !== undefined) found.get(name)?.add(`-${short}`)
  }
  return found
}

const flagsOf = (words: ReadonlyArray<string>): ReadonlyArray<string> =>
  words.filter((word) => /^--?[a-zA-Z]/.test(word)).map((word) => word.replace(/=.*$/, ""))

type Commands = ReturnType<typeof commands>

const wordsOf = (text: string): ReadonlyArray<string> => text.split(/\s+/).filter((word) => word !== "")

const ofRise = (words: ReadonlyArray<string>, known: Commands): ReadonlyArray<string> => {
  const [name = "", ...rest] = words
  const flags = known.get(name)
  if (name.startsWith("-")) return flagsOf(words).filter((flag) => !everywhere.includes(flag))
  if (/^[A-Z…]/.test(name)) return []
  if (flags === undefined) return [`rise ${name} is no command`]
  return flagsOf(rest).filter((flag) => !flags.has(flag) && !everywhere.includes(flag))
    .map((flag) => `rise ${name} has no ${flag}`)
}

/** A script's flags stand in its own text; an example has those of `rise train`, of which few are for it alone. */
const ofNode = (words: ReadonlyArray<string>, known: Commands): ReadonlyArray<string> => {
  const [file = "", ...rest] = words
  if (file === "src/cli/rise.ts") return ofRise(rest, known)
  // A file of the reader's own, as the page has told him to write it.
  if (!/^(bench|examples|scripts|src|test)\//.test(file)) return []
  if (!existsSync(join(root, file))) return [`${file} is not there`]
  const text = readFileSync(join(root, file), "utf8")
  const study = file.startsWith("examples/") ? known.get("train") : undefined
  return flagsOf(rest).filter((flag) => !everywhere.includes(flag) && study?.has(flag) !== true)
    .filter((flag) => !new RegExp(`["'\`](?:--)?${flag.replace(/^-+/, "")}["'\` :]`).test(text))
    .map((flag) => `${file} has no ${flag}`)
}

const ofNpm = (words: ReadonlyArray<string>, known: Commands): ReadonlyArray<string> => {
  const [verb = "", ...rest] = words
  const given = rest.filter((word) => word !== "-s")
  if (verb !== "run" && verb !== "test") {
    return ["ci", "install", "pack"].includes(verb) ? [] : [`npm ${verb} is not checked`]
  }
  const [name = "", ...flags] = verb === "test" ? ["test", ...given] : given
  const script = (packageJson.scripts as Readonly<Record<string, string>>)[name]
  if (script === undefined) return [`npm run ${name} is no script`]
  const behind = flags[0] === "--" ? flags.slice(1) : []
  const [program, ...inner] = wordsOf(script)
  return program === "node" && inner[0]?.startsWith("scripts/") !== true ? ofNode([...inner, ...behind], known) : []
}

/** A shell script names its flags where it reads them: `--device)`. */
const ofScript = (file: string, words: ReadonlyArray<string>): ReadonlyArray<string> => {
  if (!existsSync(join(root, file))) return [`${file} is not there`]
  const text = readFileSync(join(root, file), "utf8")
  return flagsOf(words).filter((flag) => !text.includes(`${flag})`)).map((flag) => `${file} has no ${flag}`)
}

const ofCommand = (text: string, known: Commands): ReadonlyArray<string> => {
  // Variables in front of a command.
  const [program = "", ...words] = wordsOf(text.trim()).filter((word, i, all) =>
    !(/^[A-Z_]+=/.test(word) && all.slice(0, i).every((before) => /^[A-Z_]+=/.test(before)))
  )
  if (program === "npx" && words[0] === "vitest") {
    const [file] = words.slice(2)
    return file === undefined || existsSync(join(root, file)) ? [] : [`${file} is not there`]
  }
  if (program === "npx" && words[0] !== "rise") return [`npx ${words[0]} is not checked`]
  if (program === "npx") return ofRise(words.slice(1), known)
  if (program === "rise") return ofRise(words, known)
  if (program === "npm") return ofNpm(words, known)
  if (program === "node") return ofNode(words, known)
  if (/^scripts\/.*\.sh$/.test(program)) return ofScript(program, words)
  return program === "" || foreign.has(program) ? [] : [`${program} is a program that is not known here`]
}

/** What is wrong with a command line. */
export const faults = ({ place, text }: Line, known: Commands): ReadonlyArray<string> =>
  // Quoted words hold no operators, and what a substitution runs is a value; what is written into is a file.
  text.replace(/'[^']*'|"[^"]*"/g, "quoted").replace(/\$\([^)]*\)/g, "value").replace(/>\s*\S+/g, "")
    .split(/&&|\|\|?|;/)
    .flatMap((command) => ofCommand(command, known)).map((fault) => `${place} ${fault}`)
