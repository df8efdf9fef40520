/** A model of labels of its own behind `rise serve`, asked by the other commands: as its directory is asked. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import sharp from "sharp"
import { Classification, ImageFolder, Policy, Rise } from "../../../src/index.ts"
import * as Fake from "../../policy/openai/server.ts"
import { here } from "../here.ts"
import { type Served, start } from "./process.ts"

const labels = ["rain", "snow", "sun"]
const colours = [{ r: 20, g: 40, b: 200 }, { r: 240, g: 240, b: 250 }, { r: 250, g: 200, b: 20 }]
const folder = mkdtempSync(join(tmpdir(), "rise-told-"))
const model = join(folder, "weather")
const pictures = join(folder, "pictures")
const picture = join(pictures, "test", "snow", "0.png")
let server: Served

/** A model that has learned three colours by the names of weathers, and answers without a reasoning. */
const teach = Effect.gen(function*() {
  const task = Classification.forEmbedded({ name: "weather", labels, answer: "single" })
  const train = ImageFolder.read(join(pictures, "train"), { labels })
  yield* Rise.make(task, train).pipe(
    Rise.answers(),
    Rise.sft({ steps: 120, batchSize: 8, learningRate: 6e-4 }),
    Rise.run({ out: join(folder, "weather") })
  )
}).pipe(Effect.provide(Layer.merge(Policy.onnx({ model: "embedded", workers: 1 }), NodeServices.layer)))

beforeAll(async () => {
  for (const [half, count] of [["train", 8], ["test", 4]] as const) {
    for (const [k, label] of labels.entries()) {
      mkdirSync(join(pictures, half, label), { recursive: true })
      for (let i = 0; i < count; i++) {
        const { b, g, r } = colours[k]!
        const background = { r: r - 2 * i, g: g - 3 * i, b: b - (half === "test" ? 1 : 0) }
        await sharp({ create: { width: 56, height: 56, channels: 3, background } }).png()
          .toFile(join(pictures, half, label, `${i}.png`))
      }
    }
  }
  await Effect.runPromise(Effect.scoped(teach))
  server = await start(["-m", join(model, "model")])
}, 300_000)
afterAll(async () => {
  server?.signal("SIGTERM")
  await server?.ended
  rmSync(folder, { recursive: true })
})

const command = (...args: ReadonlyArray<string>) => Effect.runPromise(here(args))

const predictions = (out: string) =>
  readFileSync(join(folder, out, "predictions.jsonl"), "utf8").trim().split("\n")
    .map((row) => JSON.parse(row))
    .filter(({ method }) => method === "model")
    .map(({ annotation, image, text, verdict }) => ({ annotation, image, text, verdict }))

const evaluated = async (out: string, ...args: ReadonlyArray<string>) => {
  const { code, stderr, stdout } = await command("evaluate", "-d", pictures, "-o", join(folder, out), ...args)
  assert.strictEqual(code, 0, stderr)
  return { stdout, stderr, rows: predictions(out) }
}

const byServer = () => ["--remote", `${server.base}/v1`, "--remote-model", "weather"]
const free = ["--extra", "{\"mask\": false}"]

describe("a server that says what its model was trained for", () => {
  it("is measured as the model's directory is, to the letter", async () => {
    const own = await evaluated("own", "-m", join(model, "model"))
    const remote = await evaluated("remote", ...byServer(), ...free)
    const sampler = await evaluated("sampler", "--sampler", `vllm=${server.base}/v1`, "-m", "weather", ...free)
    assert.match(own.stdout, /^model +1\.000 +1\.000 +1\.000/m)
    assert.strictEqual(own.rows.length, 12)
    assert.deepStrictEqual(remote.rows, own.rows)
    assert.deepStrictEqual(sampler.rows, own.rows)
    const says = new RegExp(`task of weather at ${server.base}/v1: weather \\(rain, snow, sun\\), answered without`)
    assert.match(remote.stderr, says)
    assert.match(sampler.stderr, says)
    // Held to its format as the server holds its own question.
    const masked = await evaluated("masked", ...byServer())
    assert.match(masked.stdout, /^model +1\.000/m)
  }, 300_000)

  it("annotates by its own labels, and by others where flags say so", async () => {
    const row = async (...args: ReadonlyArray<string>) => {
      const { code, stderr, stdout } = await command("annotate", picture, ...args)
      assert.strictEqual(code, 0, stderr)
      const { image: _, confidence, ...rest } = JSON.parse(stdout)
      return { rest, confidence, stderr }
    }
    const own = await row("-m", join(model, "model"))
    const remote = await row(...byServer())
    assert.deepStrictEqual(remote.rest, own.rest)
    assert.strictEqual(remote.rest.annotation, "snow")
    const otherwise = await command("annotate", picture, ...byServer(), "--labels", "warm,cold", "--strict")
    assert.match(otherwise.stderr, /asked otherwise, by --labels warm,cold/)
  }, 300_000)

  it("is refused the embedded scenes, which have other labels", async () => {
    const { code, stderr } = await command("evaluate", ...byServer())
    assert.strictEqual(code, 2, stderr)
    assert.match(stderr, /weather at .* was trained for weather \(rain, snow, sun\), and the embedded scenes/)
  })

  it("warns of an audit by a model that may know the labels by heart", async () => {
    const { code, stderr } = await command(
      "audit",
      "-d",
      join(pictures, "test"),
      "-o",
      join(folder, "audit"),
      ...byServer()
    )
    assert.strictEqual(code, 0, stderr)
    assert.match(stderr, /the server's model was trained for this task/)
    assert.match(stderr, /task of weather at .*: weather \(rain, snow, sun\)/)
  }, 300_000)
})

describe("what a server says", () => {
  let asks = 0
  const asked = (models: unknown, status = 200, ...args: ReadonlyArray<string>) =>
    Effect.gen(function*() {
      const fake = yield* Fake.start
      fake.models = Fake.send(status, models)
      const out = join(folder, `asked ${++asks}.jsonl`)
      const { code, stderr } = yield* here([
        ...["annotate", picture, "--remote", fake.baseUrl, "--remote-model", "vl", "--out", out, "--quiet"],
        ...args
      ])
      return { code, stderr, asked: fake.requests.length }
    }).pipe(Effect.scoped)
  const listed = (task: unknown) => ({ data: [{ id: "vl", task }] })

  it.live(
    "has to be a task: of another version, or damaged, it stops before a picture is sent",
    () =>
      Effect.gen(function*() {
        for (
          const [description, words] of [
            [{ version: 9, kind: "classification" }, /it is of version 9, this release reads 1/],
            [{ version: 1, kind: "song" }, /its kind is "song", expected one of classification, detection/],
            [{ version: 1, kind: "classification", labels: ["a\u001b[31m"] }, /cannot be used/],
            ["\u001b]0;x", /no description of a task/]
          ] as const
        ) {
          const { asked: sent, code, stderr } = yield* asked(listed({ description }))
          assert.strictEqual(code, 1, stderr)
          assert.match(stderr, words)
          assert.match(stderr, /say it yourself \(--labels, or --task\)/)
          assert.notInclude(stderr, "\u001b")
          assert.strictEqual(sent, 0)
        }
      }),
    300_000
  )

  it.live("may be nothing: then emotions are taken for granted, and said so", () =>
    Effect.gen(function*() {
      for (
        const [models, status] of [[listed("generate"), 200], [{ error: "no such path" }, 404], [
          "<html>",
          200
        ]] as const
      ) {
        const { asked: sent, stderr } = yield* asked(models, status)
        assert.match(stderr, /a server's model does not say what it was trained for/)
        assert.isAbove(sent, 0)
      }
    }), 300_000)

  it.live("is not guessed where the server is away or wants a key", () =>
    Effect.gen(function*() {
      const key = yield* asked({ error: { message: "no key" } }, 401)
      assert.strictEqual(key.asked, 0)
      assert.match(key.stderr, /the server answered 401: .*set OPENAI_API_KEY of the environment/)
      const away = yield* here(["annotate", picture, "--remote", "http://127.0.0.1:1/v1", "--remote-model", "vl"])
      assert.match(away.stderr, /ECONNREFUSED.*is it running, and is the address right/s)
    }), 300_000)
})
