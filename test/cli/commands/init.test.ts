/** `rise init`: what it writes is a project that trains; what is there is left alone. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { here } from "../here.ts"
import { node, rise, root } from "../processes.ts"

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "rise-init-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

/** A step or two of every stage in the place of a minute's. */
const brief = (script: string): string => {
  const shortened = script.replaceAll(/steps: \d+/g, "steps: 1").replace("groupSize: 8", "groupSize: 2")
    .replace("candidates: 8", "candidates: 2").replace("tau: 0.75, least: 0.6", "tau: 0")
  assert.notStrictEqual(shortened, script)
  return shortened
}

describe("rise init", () => {
  it.live(
    "writes pictures, a task and its training, which run; never over a file",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const home = yield* directory
        mkdirSync(join(home, "node_modules"))
        for (const name of ["effect", "@effect", "@types", "typescript", "undici-types"]) {
          if (existsSync(join(root, "node_modules", name))) {
            symlinkSync(join(root, "node_modules", name), join(home, "node_modules", name), "junction")
          }
        }
        symlinkSync(root, join(home, "node_modules/rise-vlm"), "junction")

        const made = yield* node([rise, "init", "weather"], { cwd: home })
        assert.deepStrictEqual([made.code, made.stderr], [0, ""])
        assert.notInclude(made.stdout, "npm install")
        assert.match(made.stdout, /24 to train on, 12 to test on.*\n\n {2}cd weather\n {2}# .*\n {2}node mine\.ts/)
        const project = join(home, "weather")
        const pictures = readdirSync(join(project, "pictures"), { recursive: true }).map(String).filter((name) =>
          name.endsWith(".png")
        )
        assert.strictEqual(pictures.length, 36)
        assert.strictEqual(
          new Set(pictures.map((name) => readFileSync(join(project, "pictures", name), "base64"))).size,
          36
        )

        // Where Node would find no rise-vlm, that comes first: a folder of any other name is as empty.
        const far = yield* directory
        const outside = yield* here(["init", join(far, "deep/weather")], { cwd: home })
        assert.match(
          outside.stdout,
          /\n {2}cd .*\n {2}# Node finds no rise-vlm .*:\n {2}npm install PATH\/rise-vlm-\d.*\.tgz\n/
        )

        // Twice is refused, and nothing changes; a folder with Git in it is still empty.
        const before = readFileSync(join(project, "mine.ts"), "utf8")
        const again = yield* here(["init"], { cwd: project })
        assert.deepStrictEqual([again.code, again.stdout], [1, ""])
        assert.match(again.stderr, /^error: \. is not empty.*it holds \.gitignore, mine\.ts, package\.json and 2 more/)
        assert.strictEqual(readFileSync(join(project, "mine.ts"), "utf8"), before)
        mkdirSync(join(home, "second/.git"), { recursive: true })
        assert.strictEqual((yield* here(["init", "second"], { cwd: home })).code, 0)
        assert.strictEqual(readFileSync(join(home, "second/mine.ts"), "utf8"), before)
        writeFileSync(join(home, "file"), "")
        const onFile = yield* here(["init", "file"], { cwd: home })
        assert.strictEqual(onFile.code, 1)
        assert.match(onFile.stderr, /^error: file cannot be written: .*rise init NAME\n$/s)

        writeFileSync(join(project, "mine.ts"), brief(before))
        const ran = yield* node(["mine.ts"], { cwd: project })
        assert.strictEqual(ran.code, 0, ran.stderr)
        // The same figures as rise evaluate has: by itself, and held to the labels.
        assert.match(ran.stdout, /accuracy +masked +valid\n/)
        assert.strictEqual(ran.stdout.match(/^pictures\/test\/(rain|snow|sun)\/\d\.png: /gm)?.length, 12)
        assert.include(ran.stderr, "The model is in runs/mine/model. Measure it: npx rise evaluate --model ")
        assert.isTrue(existsSync(join(project, "runs/mine/model/model.safetensors")))
        const { identity } = JSON.parse(readFileSync(join(project, "runs/mine/run.json"), "utf8"))
        assert.strictEqual(identity.engine.trained, "all")

        // The other command that it names, a step of each stage.
        const [, command = ""] = /npx rise (train .*rise\.config\.json.*)\n/.exec(made.stdout) ?? []
        const settings = readFileSync(join(project, "rise.config.json"), "utf8")
        writeFileSync(
          join(project, "rise.config.json"),
          settings.replaceAll(/"steps": \d+/g, "\"steps\": 1").replace(`"candidates": 8`, `"candidates": 2`)
            .replace(`"tau": 0.75`, `"tau": 0`)
        )
        const trained = yield* here(command.split(" "), { cwd: project })
        assert.strictEqual(trained.code, 0, trained.stderr)
        assert.match(trained.stdout, /\nRISE reaches accuracy .* on 12 test pictures/)
      })),
    300_000
  )
})
