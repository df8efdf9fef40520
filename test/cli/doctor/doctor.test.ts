/** `rise doctor`: what it says of machines, models and data. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import sharp from "sharp"
import { line } from "../../../src/cli/commands/doctor.ts"
import { data } from "../../../src/cli/doctor/data.ts"
import { note, ok, wrong } from "../../../src/cli/doctor/Finding.ts"
import { memoryHere, quotaOf } from "../../../src/cli/doctor/machine.ts"
import { model } from "../../../src/cli/doctor/model.ts"
import { embeddedModel } from "../../../src/cli/embedded.ts"
import { here } from "../here.ts"
import { node, rise, root } from "../processes.ts"

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "rise-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

describe("rise doctor", () => {
  it("says each thing within 80 columns, and how to mend it", () => {
    assert.strictEqual(line(ok("Node", "24.0.0")), "ok    Node        24.0.0")
    const long = line(wrong("model", "word ".repeat(40), "git lfs pull")).split("\n")
    assert.isTrue(long.every((row) => row.length <= 80))
    assert.strictEqual(long.at(-1), "                  → git lfs pull")
    assert.match(line(note("cores", "8")), /^note /)
  })

  it("knows what a container may use", () => {
    assert.strictEqual(quotaOf("150000 100000\n"), 1.5)
    for (const none of ["max 100000", "", "0 0", "what"]) assert.isUndefined(quotaOf(none))
    const { free, total } = memoryHere()
    assert.isTrue(free > 0 && free <= total)
  })

  it.live("of an engine: a model that it does not serve, and the key that it wants", () =>
    Effect.gen(function*() {
      const engine = yield* Effect.acquireRelease(
        Effect.callback<Server>((resume) => {
          const server = createServer((request, response) => {
            const known = request.headers["x-api-key"] === "right-key"
            response.writeHead(known ? 200 : 401, { "content-type": "application/json" })
            response.end(JSON.stringify(known ? { supported_models: [{ model_name: "vl" }] } : { detail: "who?" }))
          })
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      const address = engine.address()
      const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : address}`
      const says = (model: string, key: string) =>
        here(["doctor", "--json", "--engine", `tinker=${url}`, "--model", model], {
          env: { TINKER_API_KEY: key }
        })
      const other = yield* says("nope", "right-key")
      assert.strictEqual(other.code, 1)
      assert.match(other.stdout, /"nope\\" is not served; it serves vl","mend":"--model vl"/)
      const own = yield* says("vl", "right-key")
      assert.strictEqual(own.code, 0, own.stderr)
      const locked = yield* says("vl", "wrong-key")
      assert.strictEqual(locked.code, 1)
      assert.match(locked.stdout, /"mend":"it wants a key: set TINKER_API_KEY/)
      const away = yield* node([
        rise,
        "doctor",
        "--json",
        "--sampler",
        "vllm=http://127.0.0.1:1/v1,http://127.0.0.1:2/v1"
      ])
      assert.match(away.stderr, /mend sampler"/)
    }).pipe(Effect.scoped), 120_000)

  it.effect("of an adapter's directory: that it goes on a model", () =>
    Effect.scoped(Effect.gen(function*() {
      const folder = yield* directory
      writeFileSync(join(folder, "adapter_config.json"), "{}")
      const [found] = yield* model(folder)
      assert.strictEqual(found?.state, "wrong")
      assert.match(String(found?.text), /is an adapter, not a whole model.*--model BASE --adapter /s)
    })).pipe(Effect.provide(NodeServices.layer)))

  it.effect("a folder of data: what is in it, or why not", () =>
    Effect.scoped(Effect.gen(function*() {
      const folder = yield* directory
      const layouts = "docs/data.md has the layouts that are read"
      const unsaid = { labels: Option.none(), subject: Option.none(), task: Option.none() }
      const says = (place: string, all = false) => data(place, embeddedModel, unsaid, all)
      assert.deepStrictEqual(
        yield* says(join(folder, "nowhere")),
        [wrong("data", `${join(folder, "nowhere")}: no such file or folder`, layouts)]
      )
      assert.deepStrictEqual(
        yield* says(folder),
        [wrong("data", `${folder}: the folder is empty: put pictures in it`, layouts)]
      )
      const picture = (red: number) =>
        Effect.promise(() =>
          sharp({ create: { width: 8, height: 8, channels: 3, background: { r: red, g: 0, b: 0 } } }).png().toBuffer()
        )
      const put = (name: string, bytes: Uint8Array | string) => {
        mkdirSync(dirname(join(folder, name)), { recursive: true })
        writeFileSync(join(folder, name), bytes)
      }
      for (const [i, name] of ["sun/1.png", "sun/2.png", "rain/1.png", "rain/2.png"].entries()) {
        put(name, yield* picture(i))
      }
      const [whole, held, ...none] = yield* says(folder)
      assert.deepStrictEqual(
        [whole, none],
        [
          ok(
            "data",
            `${folder}: class folders, a label for each picture: 2 pictures to train on + 2 to test on: rain 1 + 1, ` +
              "sun 1 + 1"
          ),
          []
        ]
      )
      assert.match(held?.text ?? "", /^no part to test on: /)
      // What keeps plan and train from starting keeps doctor from saying that they could.
      rmSync(join(folder, "sun/2.png"))
      rmSync(join(folder, "rain/2.png"))
      const [few] = yield* says(folder)
      assert.deepInclude(few, { state: "wrong" })
      assert.match(few?.text ?? "", /no label has two pictures/)
      // What is set aside is why: how many, the first, and each where all are asked for.
      put("sun/2.png", (yield* picture(7)).subarray(0, 60))
      put("rain/2.png", "no picture")
      const [hidden, ...others] = yield* says(folder)
      assert.match(
        hidden?.text ?? "",
        /no label has two pictures that can be read.*\. Set aside: unreadable-image 2\. First, \S+: rain\/2/
      )
      assert.deepStrictEqual(others, [])
      const [again, ...named] = yield* says(folder, true)
      assert.deepStrictEqual(again, hidden)
      assert.deepStrictEqual(named.map(({ text }) => text.replace(/png: .*/, "png")), [
        "set aside: unreadable-image 2",
        "unreadable-image: rain/2.png",
        "unreadable-image: sun/2.png"
      ])
      rmSync(join(folder, "rain/2.png"))
      // A damaged file is decoded, and named.
      put("sun/2.png", (yield* picture(7)).subarray(0, 60))
      put("sun/3.png", yield* picture(8))
      put("rain/3.png", yield* picture(9))
      const found = yield* says(folder)
      assert.isTrue(found.some(({ state, text }) => state === "note" && text === "set aside: unreadable-image 1"))
      assert.isTrue(
        found.some(({ text }) => /picture 5: unreadable-image: sun\/2\.png|unreadable-image: sun\/2/.test(text))
      )
      const boxes = (image: string, ...labels: ReadonlyArray<string>) =>
        JSON.stringify({ image, objects: labels.map((label) => ({ label, bbox: [0, 0, 2, 2] })) })
      put("boxes/train.jsonl", `${boxes("../sun/1.png", "a sun", "a sun")}\n${boxes("1.png", "a sun", "a cloud")}\n`)
      put("boxes/test.jsonl", `${boxes("1.png", "a cloud")}\n`)
      put("boxes/1.png", yield* picture(1))
      const [boxed, ...rest] = yield* says(join(folder, "boxes"))
      assert.match(
        boxed?.text ?? "",
        /JSON rows, boxes with labels: 1 picture to train on \+ 1 to test on: "a cloud" 1 \+ 1, "a sun" 1/
      )
      assert.isTrue(rest.some(({ text }) => text === "set aside: outside-folder 1"))
    })).pipe(Effect.provide(NodeServices.layer)))

  it.effect("a model directory: family, size and memory, or what is missing of it", () =>
    Effect.scoped(Effect.gen(function*() {
      const [about, memory] = yield* model(embeddedModel)
      assert.deepInclude(about, {
        state: "ok",
        text: "embedded scene-vl-places: qwen2_vl, 2.1 million parameters, 823 tokens"
      })
      assert.match(memory?.text ?? "", /^training takes about [\d.]+ [GM]iB, with --lora 16 .* are free$/)

      const folder = yield* directory
      cpSync(join(root, "assets/scene-vl"), folder, { recursive: true })
      const saying = (text: string) =>
        Effect.map(model(folder), ([finding]) => {
          assert.strictEqual(finding?.state, "wrong")
          assert.include(`${finding?.text} ${finding?.mend}`, text)
        })
      writeFileSync(
        join(folder, "model.safetensors"),
        `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 8441\n`
      )
      yield* saying("model.safetensors: a Git LFS pointer")
      yield* saying(`git -C ${folder} lfs pull`)
      rmSync(join(folder, "model.safetensors"))
      yield* saying("hf download")
      cpSync(join(root, "assets/scene-vl/model.safetensors"), join(folder, "model.safetensors"))
      // What loading would fail on, and what the first picture would.
      const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"))
      const written = (changes: object) =>
        writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, ...changes }))
      written({ num_hidden_layers: 1 })
      yield* saying(`a tensor "model.layers.1.`)
      written({ num_hidden_layers: 9 })
      yield* saying(`no tensor "model.layers.`)
      written({ max_position_embeddings: 16 })
      yield* saying("exceeds the model's budget of 16 tokens")
      written({ image_token_id: config.image_token_id + 1 })
      yield* saying("0 image placeholders for 1 images")
      writeFileSync(join(folder, "config.json"), JSON.stringify({ model_type: "llava" }))
      yield* saying("llava")
      rmSync(join(folder, "tokenizer.json"))
      yield* saying("tokenizer.json")
    })).pipe(Effect.provide(NodeServices.layer)))

  it.live("reads data as flags say, and refuses flags of data without any", () =>
    Effect.gen(function*() {
      const folder = yield* directory
      const picture = yield* Effect.promise(() =>
        sharp({ create: { width: 40, height: 40, channels: 3, background: "red" } }).png().toBuffer()
      )
      const box = { x: 10, y: 10, width: 50, height: 50, rotation: 0, rectanglelabels: ["cup"] }
      const tasks = Array.from({ length: 8 }, (_, i) => {
        writeFileSync(join(folder, `${i}.png`), picture)
        const choices = [i % 2 === 0 ? "sun" : "rain"]
        const result = [{ from_name: "w", value: { choices } }, ...i < 4 ? [{ from_name: "b", value: box }] : []]
        return { data: { image: `${i}.png` }, annotations: [{ result }] }
      })
      writeFileSync(join(folder, "project.json"), JSON.stringify(tasks))
      const said = (...more: ReadonlyArray<string>) =>
        Effect.map(here(["doctor", "--data", folder, ...more]), ({ stderr, stdout }) =>
          `${stdout}${stderr}`.replaceAll(/\s+/g, " "))
      assert.match(yield* said(), /boxes beside the choices are not read/)
      assert.match(yield* said("--task", "detection"), /choices beside the boxes are not read/)
      assert.match(yield* said("--labels", "sun,raine"), /did you mean "rain" by "raine"/)
      const { code, stderr } = yield* here(["doctor", "--task", "detection"])
      assert.strictEqual(code, 2)
      assert.match(stderr, /--task is for pictures of one's own: name them, --data/)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 300_000)

  it.live(
    "ends with 1 where a run would not start, and says everything else all the same",
    () =>
      Effect.gen(function*() {
        const { code, stderr, stdout } = yield* here(["doctor", "--data", "nowhere"])
        assert.strictEqual(code, 1)
        assert.strictEqual(stderr, "error: a run would not start: mend data\n")
        for (const about of ["Node", "cores", "memory", "disk", "onnxruntime", "sharp", "devices", "model", "data"]) {
          assert.match(stdout, new RegExp(`^(ok |note|WRONG) +${about} `, "m"))
        }
        assert.isTrue(stdout.split("\n").length < 40 && stdout.split("\n").every((row) => row.length <= 80), stdout)
      }),
    300_000
  )
})
