/** A model by a wrong name, or an address without its /v1: refused before a file is made. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import sharp from "sharp"
import * as Fake from "../policy/openai/server.ts"
import { here } from "./here.ts"

const folder = mkdtempSync(join(tmpdir(), "rise-served-"))
const picture = join(folder, "a.png")
afterAll(() => rmSync(folder, { recursive: true }))

const draw = Effect.promise(() =>
  sharp({ create: { width: 56, height: 56, channels: 3, background: "red" } }).png().toFile(picture)
)
/** As a vLLM, an Ollama and an Azure say it. */
const noModel = Fake.send(404, { error: { message: "The model `wrong` does not exist.", type: "NotFoundError" } })
const unknown = Fake.send(400, { error: { message: "invalid model: wrong" } })
const sunny = Fake.send(200, Fake.choices("<think>bright</think><answer>sun 70 rain 30</answer>"))

let asks = 0
const annotate = Effect.fnUntraced(function*(address: string, model: string, ...more: ReadonlyArray<string>) {
  const out = join(folder, `${++asks}.jsonl`)
  const line = ["annotate", picture, "--remote", address, "--remote-model", model, "--out", out, "--quiet"]
  const ended = yield* here([...line, "--labels", "sun,rain", ...more])
  return { ...ended, out, made: existsSync(out) || existsSync(`${out}.meta.json`) }
})

describe("a server that does not serve the model", () => {
  it.live("is told with the names that it lists, before a file is made", () =>
    Effect.gen(function*() {
      yield* draw
      const server = yield* Fake.start
      for (const answer of [noModel, unknown]) {
        server.answer = answer
        const { code, made, stderr } = yield* annotate(server.baseUrl, "wrong")
        assert.deepStrictEqual([code, made], [1, false], stderr)
        assert.match(stderr, /cannot be asked for "wrong": it answered 40[04].*; it lists "vl": name one of these/)
        const measured = yield* here([
          ...[
            "evaluate",
            "--remote",
            server.baseUrl,
            "--remote-model",
            "wrong",
            "--out",
            join(folder, "run"),
            "--quiet"
          ]
        ])
        assert.match(measured.stderr, /it lists "vl"/)
        assert.isFalse(existsSync(join(folder, "run")))
      }
    }).pipe(Effect.scoped))

  it.live("is asked all the same for what it serves and does not list", () =>
    Effect.gen(function*() {
      yield* draw
      const server = yield* Fake.start
      server.answer = sunny
      for (const models of [[], [{ id: "another" }]]) {
        server.models = Fake.send(200, { data: models })
        const { code, stderr } = yield* annotate(server.baseUrl, "deployment")
        assert.strictEqual(code, 0, stderr)
      }
      const tried = server.requests.filter(({ body }) => Fake.textOf(body) === "ok")
      assert.strictEqual(tried.length, 2)
    }).pipe(Effect.scoped))

  it.live("because its address lacks /v1 is told so", () =>
    Effect.gen(function*() {
      yield* draw
      const server = yield* Fake.start
      const gone = Fake.send(404, { detail: "Not Found" })
      server.models = gone
      server.answer = gone
      const { code, made, stderr } = yield* annotate(server.baseUrl.replace("/v1", ""), "vl")
      assert.deepStrictEqual([code, made], [1, false], stderr)
      assert.match(stderr, /is the address right, with its \/v1\?/)
    }).pipe(Effect.scoped))

  it("takes no more answers a picture than are drawn", async () => {
    const { code, made, stderr } = await Effect.runPromise(
      annotate("http://127.0.0.1:1/v1", "vl", "--samples", "100000")
    )
    assert.deepStrictEqual([code, made], [2, false])
    assert.match(stderr, /--samples is a whole number from 1 to 65536/)
  })
})
