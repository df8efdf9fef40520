/** Code blocks of README, docs and docstrings, and how each becomes a file that can be checked. */
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as face from "../../src/index.ts"

export const root = fileURLToPath(new URL("../../", import.meta.url))

export interface Block {
  /** `docs/audit.md:55` */
  readonly place: string
  readonly code: string
}

const lineOf = (text: string, index: number) => text.slice(0, index).split("\n").length

const fenced = (file: string, text: string, first = 1): ReadonlyArray<Block> =>
  [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => ({
    place: `${file}:${first + lineOf(text, match.index)}`,
    code: match[1] ?? ""
  }))

const docstrings = (file: string, text: string): ReadonlyArray<Block> =>
  [...text.matchAll(/\/\*\*.*?\*\//gs)].flatMap((match) =>
    fenced(
      file,
      match[0].replace(/^\s*\/?\*{1,2}\/? ?/gm, ""),
      lineOf(text, match.index) - 1
    )
  )

/** All blocks, in the order of their files. */
export const collect = (): ReadonlyArray<Block> => {
  const pages = [...globSync("*.md", { cwd: root }), ...globSync("docs/*.md", { cwd: root })]
  const sources = globSync("src/**/*.ts", { cwd: root })
  const read = (file: string) => readFileSync(join(root, file), "utf8")
  return [
    ...pages.sort().flatMap((file) => fenced(file, read(file))),
    ...sources.sort().flatMap((file) => docstrings(file, read(file)))
  ]
}

const effect = ["Console", "Effect", "Layer", "Option", "Result", "Schema", "Stream"]
const node = ["NodeRuntime", "NodeServices"]
/** What the package exports as a type alone. */
const types = ["Distribution"]
/** Values that a block may speak of without making them: `ambient.ts`. */
const ambient = [
  "pictures",
  "curated",
  "data",
  "file",
  "images",
  "judge",
  "labels",
  "loop",
  "pipeline",
  "policy",
  "preset",
  "program",
  "run",
  "sample",
  "start",
  "task",
  "test",
  "train"
]

/** Values that a block speaks of and does not make, comments and texts aside. */
export const unmade = ({ code }: Block): ReadonlyArray<string> => {
  const bare = code.replace(/\/\*.*?\*\/|\/\/.*$|"(?:[^"\\\n]|\\.)*"/gms, "")
  return ambient.filter((name) =>
    new RegExp(`(?<![.\\w'/])${name}\\b(?!:)`).test(bare) &&
    !new RegExp(`(const|import) [^=\\n]*\\b${name}\\b`).test(bare)
  )
}

/** What a block leaves unsaid: imports, and values of the text around it. */
const unsaid = (code: string): string => {
  const named = (names: ReadonlyArray<string>) =>
    names.filter((name) =>
      new RegExp(`(?<![.\\w"'/])${name}\\b(?!:)`).test(code) &&
      !new RegExp(`(const|import) [^=\\n]*\\b${name}\\b`).test(code)
    )
  const line = (names: ReadonlyArray<string>, from: string) =>
    names.length === 0 ? "" : `import { ${names.join(", ")} } from "${from}"\n`
  return line(named(effect), "effect") + line(named(node), "@effect/platform-node") +
    line(named(Object.keys(face)), "rise-vlm") + line(named(types), "rise-vlm").replace("import", "import type") +
    line(named(ambient), "../../test/docs/ambient.ts")
}

/** Whether it says all that it needs but imports, and only computes: it can be run as it stands. */
export const isWhole = ({ code }: Block): boolean =>
  !/yield\*|runMain|\.provide|read\(|Policy\./.test(code) && !unsaid(code).includes("ambient.ts")

/** The block as a module; what it yields becomes a program that is never run. */
export const moduleOf = ({ code, place }: Block): string => {
  const imports = [...code.matchAll(/^import .*\n/gm)].map(([line]) => line).join("")
  const body = code.replace(/^import .*\n/gm, "")
  const yields = /(?<!\w)yield\*/.test(body) && !/Effect\.(gen|fn)/.test(body)
  const generator = yields ? `export const unnamed = Effect.gen(function*() {\n${body}})\n` : body
  const head = unsaid(yields ? `${code}\nEffect.gen` : code)
  return `// ${place}\n${head}${imports}\n${generator}\nexport {}\n`
}

/** `expression // value`: what a block says it comes to. */
export const claims = ({ code }: Block): ReadonlyArray<{ readonly expression: string; readonly value: unknown }> =>
  [...code.matchAll(/^(\w.*?) \/\/ (["[{\d].*)$/gm)].flatMap(([, expression = "", value = ""]) =>
    /^const|^yield/.test(expression) ? [] : [{ expression, value: JSON.parse(value) as unknown }]
  )
