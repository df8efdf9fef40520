/** What the command loads to say what it is, and how it says it. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Console, Effect } from "effect"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { catalogue } from "../../src/cli/catalogue.ts"
import { run } from "../../src/cli/process.ts"
import { root as command } from "../../src/cli/root.ts"
import { node, rise } from "./processes.ts"

const printed = (...line: ReadonlyArray<string>): Effect.Effect<string> => {
  const lines: Array<string> = []
  return Effect.flatMap(command(line), (rise) => run(rise, line)).pipe(
    Effect.provideService(
      Console.Console,
      Object.assign(Object.create(console), { log: (text: string) => lines.push(text) })
    ),
    Effect.provide(NodeServices.layer),
    Effect.orDie,
    Effect.map(() => lines.join("\n"))
  )
}

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "rise-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

/** Writes down every module that a process has loaded, when it ends. */
const hook = (file: string) =>
  `import { registerHooks } from "node:module"
import { writeFileSync } from "node:fs"
const loaded = []
registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
process.on("exit", () => writeFileSync(${JSON.stringify(file)}, loaded.join("\\n")))
`

/** The modules of this project that may be loaded before a command is named; the rest is Node's, Effect's and npm's. */
const light = new RegExp(
  "/src/(cli/\\w+|dsl/(Progress|Process|Output|NoProgram|progress/\\w+|telemetry/(Asked|Exporting))|" +
    "kernels/(runtime/(Shown|SystemFault)|text/(near|show)))[.]ts$"
)

describe("the start", () => {
  it.live(
    "of --version and --help loads neither native libraries nor what computes",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const folder = yield* directory
        const load = Effect.fnUntraced(function*(...args: ReadonlyArray<string>) {
          const file = join(folder, `${args.join("")}.txt`)
          writeFileSync(`${file}.mjs`, hook(file))
          const { code, stderr, stdout } = yield* node(["--import", `${file}.mjs`, rise, ...args])
          assert.deepStrictEqual([code, stderr], [0, ""])
          return { stdout, urls: readFileSync(file, "utf8").split("\n") }
        })
        const [version, help, report] = yield* Effect.all(
          [load("--version"), load("--help"), load("report", "--help")],
          {
            concurrency: 3
          }
        )
        assert.match(version.stdout, /^rise v\d+\.\d+\.\d+\n$/)
        assert.include(help.stdout, "annotate")
        for (const { urls } of [version, help]) {
          assert.isAbove(urls.length, 20)
          const own = urls.filter((url) => url.includes("/src/") && !url.includes("/node_modules/"))
          assert.deepStrictEqual(own.filter((url) => !light.test(url)), [])
          // Of Effect the modules that are used, not the whole of it.
          assert.deepStrictEqual(
            urls.filter((url) => /onnxruntime|sharp|jinja|tokenizers|hyparquet|effect\/dist\/index\.js$/.test(url)),
            []
          )
        }
        assert.deepStrictEqual(report.urls.filter((url) => /@redis|platform-node\/dist\/index\.js$/.test(url)), [])
        // A command that is named is loaded, and it alone.
        assert.deepStrictEqual(
          report.urls.filter((url) => url.includes("/src/cli/commands/")).map((url) => url.replace(/.*\//, "")),
          ["report.ts"]
        )
      })),
    300_000
  )

  it.effect("of a command says the same of it as the root does", () =>
    Effect.gen(function*() {
      const all = yield* printed("--help")
      for (const { load, name, stub } of catalogue) {
        assert.include(all.replaceAll(/\s+/g, " "), stub.description ?? "nothing", name)
        const loaded =
          yield* (load as Effect.Effect<{ readonly name: string; readonly description: string | undefined }>)
        assert.deepStrictEqual([loaded.name, loaded.description], [name, stub.description])
      }
    }))

  it.effect("help is within 100 columns, has an example, and a default for what may be left out", () =>
    Effect.gen(function*() {
      const without: Array<string> = []
      for (const { name } of catalogue) {
        const help = yield* printed(name, "--help")
        for (const line of help.split("\n")) assert.isAtMost(line.length, 100, line)
        assert.match(help, new RegExp(`\n\nEXAMPLES\n([^]*\n)?  rise ${name}`))
        const [, flags = ""] = /^FLAGS\n(.*?)\n\n/ms.exec(help) ?? []
        // A flag and the lines below that continue it. One that takes no value is off unless it is given.
        for (const flag of flags.split(/\n(?= {2}\S)/).filter((text) => text !== "")) {
          const takesNone = /^ {2}(-\w, )*--[\w-]+( {2,}|\n)/.test(flag)
          if (!takesNone && !/default/i.test(flag)) without.push(`${name} ${flag.trim().split(/\s{2,}/)[0]}`)
        }
      }
      assert.deepStrictEqual(without, [])
    }))

  it.effect("short flags stand for the common ones, and -V for the version", () =>
    Effect.gen(function*() {
      const help = yield* printed("train", "--help")
      for (
        const pair of [
          "-o, --out",
          "-m, --model",
          "-d, --data",
          "-s, --seed",
          "-w, --workers",
          "-h, --help",
          "-q, --quiet"
        ]
      ) {
        assert.include(help, pair)
      }
      assert.match(yield* printed("-V"), /^rise v/)
    }))
})
