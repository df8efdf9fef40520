/** `rise evaluate --remote`: cut off, and resumed. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import sharp from "sharp"
import * as Server from "../policy/openai/server.ts"
import { here } from "./here.ts"
import { root } from "./processes.ts"

/** In a folder. */
const rise = (directory: string, ...args: ReadonlyArray<string>) =>
  here(args, { cwd: directory, env: { OPENAI_API_KEY: "k" } })

const pictures = 12

const folder = Effect.acquireRelease(
  Effect.promise(async () => {
    const directory = mkdtempSync(join(tmpdir(), "rise-"))
    mkdirSync(join(directory, "faces"))
    const names = Array.from({ length: pictures }, (_, i) => `${i}.png`)
    for (const [i, name] of names.entries()) {
      const create = { width: 8, height: 8, channels: 3, background: { r: 20 * i, g: 0, b: 0 } } as const
      await sharp({ create }).png().toFile(join(directory, "faces", name))
    }
    const rows = ["image,calm,wild", ...names.map((name, i) => `${name},${i % 2},${1 - i % 2}`)].join("\n")
    for (const half of ["train.csv", "val.csv"]) writeFileSync(join(directory, "faces", half), `${rows}\n`)
    return directory
  }),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
)

const answer = Server.send(200, {
  choices: [{
    finish_reason: "stop",
    message: {
      role: "assistant",
      content: "<answer>calm 100</answer>",
      reasoning_content: "the lake lies still and nobody moves"
    }
  }]
})

describe("rise evaluate --remote", () => {
  it.live("is cut off, says how to go on, and goes on", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const server = yield* Server.start
      const args = [
        "evaluate",
        "--remote",
        server.baseUrl,
        "--remote-model",
        "vl",
        "--labels",
        "calm,wild",
        "--data",
        "faces",
        "--out",
        "run"
      ]
      const extra = ["--extra", "{\"top_k\": 1, \"seed\": null}", "--max-tokens-field", "max_completion_tokens"]
      let left = 5
      const revoked = Server.send(401, { error: { message: "revoked" } })
      server.answer = (response, received) => (left-- > 0 ? answer : revoked)(response, received)
      const cut = yield* rise(directory, ...args, ...extra)
      assert.strictEqual(cut.code, 1)
      assert.match(cut.stderr, /revo<redacted>ed; give a key of this server/)
      assert.match(cut.stderr, /--out run --resume/)
      assert.deepInclude(server.requests[0]!.body, { top_k: 1, temperature: 0 })
      assert.property(server.requests[0]!.body, "max_completion_tokens")
      assert.notProperty(server.requests[0]!.body, "seed")

      const before = server.requests.length
      server.answer = answer
      const other = yield* rise(directory, ...args, "--extra", "{\"top_k\": 2}", "--resume")
      assert.match(other.stderr, /started with config\.extra\.top_k = 1, this run has 2/)
      const resumed = yield* rise(directory, "evaluate", "--out", "run", "--resume")
      assert.strictEqual(resumed.code, 0, resumed.stderr)
      assert.strictEqual(server.requests.length - before, pictures - 5)
      const written = readFileSync(join(directory, "run", "predictions.jsonl"), "utf8").trim()
      const all = written.split("\n").map((line) => JSON.parse(line))
      const rows = all.filter(({ method }) => method === "model")
      assert.strictEqual(rows.length, pictures)
      // Those of the guess are there once, too: how far a difference to it may be luck is counted picture by picture.
      assert.deepStrictEqual(all.filter(({ method }) => method === "prior").length, pictures)
      assert.isTrue(
        rows.every(({ reasoning, verdict }) => verdict === "ok" && reasoning === "the lake lies still and nobody moves")
      )
    }).pipe(Effect.scoped), 120_000)
})

describe("rise evaluate", () => {
  it.live(
    "of a server's model whose answers are cut off names a flag that it has, and says what is known of it",
    () =>
      Effect.gen(function*() {
        const directory = yield* folder
        const server = yield* Server.start
        server.answer = Server.send(200, {
          choices: [{ finish_reason: "length", message: { role: "assistant", content: "<answer>cal" } }]
        })
        const { code, stderr, stdout } = yield* rise(
          directory,
          ...["evaluate", "--remote", server.baseUrl, "--remote-model", "vl", "--labels", "calm,wild"],
          ...["--data", "faces", "--out", "run", "--max-tokens", "9"]
        )
        assert.strictEqual(code, 0, stderr)
        assert.strictEqual(server.requests.at(-1)!.body["max_tokens"], 9)
        assert.match(stderr, /12 of 12 answers were cut off at 9 tokens, .* wants more \(--max-tokens\)/)
        // Whatever it was trained for: nobody here has trained it.
        assert.match(stdout, /As it is asked here it is of no use .* ask another model/)
        assert.notMatch(stdout, /has not learned|more steps/)
        const html = readFileSync(join(directory, "run", "report.html"), "utf8")
        assert.match(html, /was asked about 12 labelled pictures .* Nothing is trained in this run\./)
        assert.include(html, "ask another model")
        const { measured } = JSON.parse(readFileSync(join(directory, "run", "run.json"), "utf8")).about
        assert.strictEqual(measured, "served")
      }).pipe(Effect.scoped),
    120_000
  )
})

describe("rise evaluate --base", () => {
  it.live("has another model judge reasonings; without it nobody does, which is said", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const line = ["evaluate", "--labels", "calm,wild", "--data", join(directory, "faces"), "--workers", "1"]
      const run = (out: string, ...more: ReadonlyArray<string>) =>
        here([...line, ...more, "--out", join(directory, out)])
      const judged = yield* run("judged", "--base", join(root, "assets/scene-vl"))
      assert.strictEqual(judged.code, 0, judged.stderr)
      const rows: ReadonlyArray<
        {
          readonly metric: string
          readonly n: number
          readonly value: number
          readonly part: string
          readonly method: string
        }
      > = JSON.parse(
        readFileSync(join(directory, "judged/results.json"), "utf8")
      )
      const grounded = rows.find(({ metric }) => metric === "grounded")
      assert.isTrue(grounded !== undefined && grounded.value >= 0 && grounded.value <= 1, judged.stderr)
      assert.match(judged.stdout, /grounded/)
      // Beside what is reached by whoever has seen the training half and no picture.
      const whole = rows.filter(({ metric, part }) => metric === "accuracy" && part === "all")
      assert.deepStrictEqual(whole.map(({ method }) => method), ["prior", "model"])
      assert.match(judged.stdout, /\nprior {2,}0\.\d{3}/)
      assert.match(judged.stdout, /model reaches \w+ 0\.\d{3} on \d+ test pictures: (?:no better|better|worse) than /)

      const alone = yield* run("alone")
      assert.strictEqual(alone.code, 0, alone.stderr)
      assert.match(alone.stderr, /\(grounded\) is left out: --base DIR names who judges that/)
      assert.notInclude(readFileSync(join(directory, "alone/results.json"), "utf8"), "grounded")

      const bare = yield* run("bare", "--base", "embedded", "--form", "answer")
      assert.notStrictEqual(bare.code, 0)
      assert.match(bare.stderr, /--base judges reasonings, and a bare answer has none: leave it out/)
      const itself = yield* run("itself", "--base", join(root, "assets/scene-vl-places"))
      assert.notStrictEqual(itself.code, 0)
      assert.match(itself.stderr, /scene-vl-places is the model that is asked, and no model is a judge of itself/)
      const nowhere = yield* run("nowhere", "--base", "nowhere")
      assert.notStrictEqual(nowhere.code, 0)
      assert.match(nowhere.stderr, /nowhere/)
    }).pipe(Effect.scoped), 120_000)
})
