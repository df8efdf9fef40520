/** From Label Studio's export to a model, and from the model to pre-annotations and graphs: what a team's tools see. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import sharp from "sharp"
import { layout } from "../../src/data/layouts/LabelStudio.ts"
import { folder as folderOf, live } from "../data/folders.ts"
import { opened } from "../data/layouts/open.ts"
import { here } from "./here.ts"

const labels = ["rain", "sun"]
const colours = ["#2040a0", "#f0d060"]
const names = Array.from({ length: 10 }, (_, i) => `weather/${i}.png`)

/** What three annotators chose: the third of them errs now and then. */
const chosen = (i: number) => {
  const [own, other] = i % 2 === 0 ? labels : labels.toReversed()
  return [own, own, i % 3 === 0 ? other : own]
}

const project = names.map((name, i) => ({
  id: i,
  data: { image: `/data/local-files/?d=${name}` },
  annotations: chosen(i).map((choice, k) => ({
    id: 10 * i + k,
    completed_by: k,
    was_cancelled: false,
    result: [{ id: "c", from_name: "choice", to_name: "image", type: "choices", value: { choices: [choice] } }]
  }))
}))

const folder = Effect.acquireRelease(
  Effect.promise(async () => {
    const directory = mkdtempSync(join(tmpdir(), "rise-"))
    mkdirSync(join(directory, "weather"))
    writeFileSync(join(directory, "weather/project.json"), JSON.stringify(project))
    for (const [i, name] of names.entries()) {
      const background = colours[i % 2] ?? "black"
      const picture = sharp({ create: { width: 112, height: 112, channels: 3, background } })
      writeFileSync(join(directory, name), await picture.png().toBuffer())
    }
    return directory
  }),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
)

interface Result {
  readonly from_name: string
  readonly to_name: string
  readonly type: string
  readonly value: { readonly choices?: ReadonlyArray<string>; readonly text?: ReadonlyArray<string> }
}

interface Tasks extends
  ReadonlyArray<{
    readonly data: { readonly image: string; readonly distribution: Readonly<Record<string, number>> }
    readonly predictions: ReadonlyArray<{
      readonly model_version: string
      readonly score: number
      readonly result: ReadonlyArray<Result>
    }>
  }>
{}

describe("Label Studio, round", () => {
  it.live(
    "its export is trained on, predictions fit its set-up, and what is accepted is read again",
    () =>
      Effect.gen(function*() {
        const cwd = yield* folder
        const text = (name: string) => readFileSync(join(cwd, name), "utf8")
        const run = (...args: ReadonlyArray<string>) => here([...args, "--workers", "1"], { cwd })
        const trained = yield* run("train", "--data", "weather", "--method", "SFT", "--preset", "smoke", "--out", "run")
        assert.strictEqual(trained.code, 0, trained.stderr)
        assert.match(trained.stderr, /10 tasks with several annotators: each choice counts as a vote, read as shares/)

        const model = ["--model", "run/model"]
        const annotated = yield* run("annotate", "weather", ...model, "--format", "label-studio", "--out", "out.json")
        assert.strictEqual(annotated.code, 0, annotated.stderr)
        const setUp = text("out.json.xml")
        assert.deepStrictEqual([...setUp.matchAll(/<Choice value="(.*?)"/g)].map(([, label]) => label), labels)
        const controls = new Map(
          [...setUp.matchAll(/<(\w+) name="(\w+)" toName="image"/g)].map(([, tag = "", name]) => [
            name,
            tag.toLowerCase()
          ])
        )
        const tasks: Tasks = JSON.parse(text("out.json"))
        assert.deepStrictEqual(tasks.map(({ data }) => data.image), names.map((name) => `/data/local-files/?d=${name}`))
        for (const { data: { distribution }, predictions: [prediction] } of tasks) {
          if (prediction === undefined) return assert.fail("a task without a prediction")
          assert.strictEqual(prediction.model_version, "run/model")
          assert.isTrue(prediction.score > 0 && prediction.score <= 1)
          const [choice] = prediction.result
          assert.deepStrictEqual(Object.keys(distribution), labels)
          const most = Math.max(...Object.values(distribution))
          assert.strictEqual(distribution[choice?.value.choices?.[0] ?? ""], most)
          for (const { from_name, to_name, type } of prediction.result) {
            assert.deepStrictEqual([controls.get(from_name), to_name], [type, "image"])
          }
        }
        const accepted = tasks.map(({ data, predictions }) => ({ data, annotations: predictions, predictions: [] }))
        const again = yield* live(Effect.gen(function*() {
          const files = Object.fromEntries(names.map((name) => [name, [8, 8] as const]))
          const root = yield* folderOf({ ...files, "project.json": JSON.stringify(accepted) })
          return yield* opened(layout, root)
        }))
        assert.deepStrictEqual(
          again.train.truths,
          tasks.map(({ predictions: [prediction] }, i) => [
            names[i],
            again.labels.map((label) => prediction?.result[0]?.value.choices?.[0] === label ? 1 : 0)
          ])
        )

        // The same model, for other programs: it is asked what it was trained for.
        const exported = yield* here([
          ...["export", "--onnx", join(cwd, "onnx"), "--model", join(cwd, "run/model"), "--max-tokens", "32"]
        ])
        assert.strictEqual(exported.code, 0, exported.stderr)
        assert.match(exported.stdout, /^\S*onnx: tower\.onnx, prefill\.onnx and step\.onnx over model\.safetensors/)
        const manifest = JSON.parse(text("onnx/rise-export.json"))
        assert.deepStrictEqual([manifest.task, manifest.form, manifest.labels], ["weather", "answer", labels])
        const task = JSON.parse(text("run/model/rise-task.json"))
        assert.strictEqual(manifest.prompt.text, task.prompts.answerOnly)
        assert.deepStrictEqual(JSON.parse(text("onnx/rise-task.json")), task)
        assert.deepStrictEqual(readdirSync(join(cwd, "onnx")).toSorted(), manifest.files)

        const [to, own] = [join(cwd, "new"), ["--model", join(cwd, "run/model")]]
        const cases: ReadonlyArray<readonly [ReadonlyArray<string>, number, RegExp]> = [
          [
            ["--onnx", to],
            2,
            /embedded .* does not say what it was trained for .*: give what is asked .* --prompt TEXT/
          ],
          [["--onnx", to, ...own, "--question", "why?"], 2, /--question is for a task that asks one, and weather/],
          [
            ["--onnx", to, ...own, "--prompt", "x", "--form", "think"],
            2,
            /--prompt is all that is asked, and --form/
          ],
          [["--onnx", to, "--model", join(cwd, "run")], 1, /run: is the folder of a run\. .*--model \S+run\/model/],
          [
            ["--onnx", join(cwd, "weather"), ...own],
            1,
            /weather: is not empty and no earlier export, nothing was written/
          ]
        ]
        for (const [args, code, message] of cases) {
          const ended = yield* here(["export", ...args])
          assert.deepStrictEqual([ended.code, ended.stdout], [code, ""], ended.stderr)
          assert.match(ended.stderr, message)
        }
        assert.notInclude(readdirSync(cwd), "new")
      }).pipe(Effect.scoped),
    300_000
  )
})
