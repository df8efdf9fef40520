/** `rise annotate`: killed as a process and gone on, in every format, each read back by other means than wrote it. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import sharp from "sharp"
import { CocoInstances, Scenes } from "../../src/data/index.ts"
import { Decode } from "../../src/kernels/image/index.ts"
import { Emotion6 } from "../../src/tasks/classification/index.ts"
import * as Server from "../policy/openai/server.ts"
import { here } from "./here.ts"

const program = new URL("../../src/cli/rise.ts", import.meta.url).pathname

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const directory = mkdtempSync(join(tmpdir(), "rise-"))

/** @param during what happens to the process while it runs */
const rise = (
  args: ReadonlyArray<string>,
  { during, input = "" }: { readonly during?: (child: ChildProcess) => void; readonly input?: string } = {}
) =>
  new Promise<Ended>((resolve) => {
    const child = spawn(process.execPath, [program, "annotate", ...args], { cwd: directory })
    let [stdout, stderr] = ["", ""]
    child.stdout.on("data", (chunk) => stdout += chunk)
    child.stderr.on("data", (chunk) => stderr += chunk)
    child.on("close", (code) => resolve({ code, stdout, stderr }))
    child.stdin.end(input)
    during?.(child)
  })

/** The same without a process. */
const asked = (args: ReadonlyArray<string>) => Effect.runPromise(here(["annotate", ...args], { cwd: directory }))

const sizeOf = (file: string) => {
  try {
    return statSync(join(directory, file)).size
  } catch {
    return 0
  }
}
const read = (file: string) => readFileSync(join(directory, file), "utf8")

/** Kills the process when its file has grown by some bytes: with its rows half-way, or half a row behind them. */
const killed = (args: ReadonlyArray<string>, file: string, growth: number) => {
  const before = sizeOf(file)
  return rise(args, {
    during: (child) => {
      const timer = setInterval(() => sizeOf(file) > before + growth && child.kill("SIGKILL"), 2)
      child.on("close", () => clearInterval(timer))
    }
  })
}

const corrupt = [3, 10, 17]
const names = Array.from({ length: 24 }, (_, i) => `pictures/p${String(i).padStart(2, "0")}.png`)
const bad = corrupt.map((i) => names[i])

beforeAll(async () => {
  mkdirSync(join(directory, "pictures/more"), { recursive: true })
  const samples = await Effect.runPromise(
    Stream.runCollect(Scenes.dataset({ split: "test", limit: names.length })).pipe(
      Effect.flatMap(Effect.forEach(({ image }) => Decode.load(image))),
      Effect.provide(NodeServices.layer)
    )
  )
  for (const [i, { data, height, width }] of samples.entries()) {
    const png = await sharp(data, { raw: { width, height, channels: 3 } }).png().toBuffer()
    writeFileSync(join(directory, names[i] ?? ""), corrupt.includes(i) ? png.subarray(0, 100 + i) : png)
    if (i === 0) writeFileSync(join(directory, "pictures/more/again.png"), png)
  }
  writeFileSync(join(directory, "pictures/labels.csv"), "image,joy\n")
  writeFileSync(join(directory, "pictures/.hidden.png"), "")
})
afterAll(() => rmSync(directory, { recursive: true }))

/** A parser of RFC 4180 that shares nothing with what wrote it: one character after another. */
const parseCsv = (text: string) => {
  const records: Array<Array<string>> = [[""]]
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const record = records.at(-1)!
    const c = text[i]!
    if (quoted && c === "\"" && text[i + 1] === "\"") record[record.length - 1] += text[++i]!
    else if (c === "\"") quoted = !quoted
    else if (!quoted && c === ",") record.push("")
    else if (!quoted && text.startsWith("\r\n", i)) records.push([""]), i++
    else record[record.length - 1] += c
  }
  return records.slice(0, -1)
}

const small = ["pictures", "--batch", "4"]
const where = ["--task", "lisa", "--question", "Where is the thing of use in rainy weather?"]

describe("rise annotate", () => {
  it("asks in the form that the model was trained in, unless a flag says another", async () => {
    const model = join(directory, "taught")
    cpSync(new URL("../../assets/scene-vl-places", import.meta.url).pathname, model, { recursive: true })
    writeFileSync(
      join(model, "rise-task.json"),
      JSON.stringify({ ...Emotion6.task.described as object, form: "answer" })
    )
    const line = ["annotate", join(directory, names[0]!), "--model", model, "--workers", "1"]
    const own = await Effect.runPromise(here(line))
    const asked = await Effect.runPromise(here([...line, "--form", "think"]))
    assert.deepStrictEqual([own.code, asked.code], [0, 0], own.stderr + asked.stderr)
    assert.match(own.stderr, /^task of \S+taught: emotion6 \(.*\), answered without a reasoning$/m)
    assert.isNull(JSON.parse(own.stdout).reasoning)
    assert.isAbove(JSON.parse(asked.stdout).reasoning.length, 5)
  })

  it("keeps order and faults in a file, killed or not, and never asks twice", async () => {
    const whole = await asked([...small, "--out", "whole.jsonl"])
    assert.strictEqual(whole.code, 0, whole.stderr)
    assert.strictEqual(whole.stdout, "")
    assert.match(whole.stderr, /pictures: left out 1 hidden file, 1 file without a picture \(labels\.csv\), 1 folder/)
    assert.match(whole.stderr, /whole\.jsonl: 24 pictures, 21 annotated/)
    const rows = read("whole.jsonl").trim().split("\n").map((line) => JSON.parse(line))
    assert.deepStrictEqual(rows.map(({ image }) => image), names)
    assert.deepStrictEqual(rows.filter(({ fault }) => fault !== undefined).map(({ image }) => image), bad)
    for (const { annotation, confidence, fault, height, reasoning, value, width } of rows) {
      if (fault !== undefined) {
        assert.deepStrictEqual([annotation, value, reasoning, confidence], [null, null, null, undefined])
        continue
      }
      assert.deepStrictEqual(Object.keys(value), [...Emotion6.task.labels])
      const said = Object.fromEntries(
        annotation.split(/ (?=[a-z])/).map((part: string) => part.split(" ")).map((
          [label, n]: Array<string>
        ) => [label, Number(n) / 100])
      )
      for (const [label, share] of Object.entries(value)) assert.strictEqual(share, said[label] ?? 0)
      assert.isTrue(confidence > 0 && confidence <= 1)
      assert.isAbove(reasoning.length, 5)
      assert.deepStrictEqual([width, height], [112, 112])
    }

    const args = [...small, "--out", "killed.jsonl"]
    const first = await killed(args, "killed.jsonl", 0)
    assert.isNull(first.code)
    const rowsThen = read("killed.jsonl").split("\n").length - 1
    assert.isTrue(rowsThen > 0 && rowsThen < 24, `${rowsThen}`)
    // A crash of the machine leaves half a row.
    writeFileSync(join(directory, "killed.jsonl"), read("killed.jsonl").slice(0, -20))
    const last = await rise(args)
    assert.strictEqual(last.code, 0, last.stderr)
    assert.strictEqual(read("killed.jsonl"), read("whole.jsonl"))

    const again = await asked([...args, "--strict"])
    assert.strictEqual(again.code, 4, again.stderr)
    assert.match(again.stderr, /killed\.jsonl: 24 pictures, 24 of them before, 21 annotated/)
    assert.strictEqual(read("killed.jsonl"), read("whole.jsonl"))
  })

  it("has values that say what the annotations say, whatever a model's percents sum to", async () => {
    const server = await Effect.runPromise(
      Effect.scoped(Server.start.pipe(Effect.flatMap((server) =>
        Effect.promise(async () => {
          const content = "<think>calm</think><answer>calm 10 wild 5</answer>"
          server.answer = Server.send(200, {
            choices: [{ finish_reason: "stop", message: { role: "assistant", content } }]
          })
          return asked([
            names[0]!,
            "--remote",
            server.baseUrl,
            "--remote-model",
            "vl",
            "--labels",
            "calm,wild",
            "--json"
          ])
        })
      )))
    )
    const { annotation, value } = JSON.parse(server.stdout)
    assert.deepStrictEqual([annotation, value], ["calm 67 wild 33", { calm: 0.67, wild: 0.33 }])
    const events = server.stderr.trim().split("\n").map((line) => JSON.parse(line))
    const [step] = events.filter(({ event }) => event === "step")
    assert.deepStrictEqual([step.stage, step.at, step.of, typeof step.secondsLeft], ["annotate", 1, 1, "number"])
  })

  it("writes CSV that any reader of CSV reads, also from a list of names", async () => {
    const input = `${names.join("\0")}\0`
    const printed = await rise(["-", "--batch", "4", "--format", "csv"], { input })
    assert.strictEqual(printed.code, 0, printed.stderr)
    const [header, ...records] = parseCsv(printed.stdout)
    assert.deepStrictEqual(header, [
      "image",
      ...Emotion6.task.labels,
      "annotation",
      "reasoning",
      "confidence",
      "closed",
      "width",
      "height",
      "fault"
    ])
    assert.deepStrictEqual(records.map(([image]) => image), names)
    assert.isTrue(records.every(({ length }) => length === header?.length))
    assert.deepStrictEqual(records.flatMap((record) => record.at(-1) === "" ? [] : [record[0]]), bad)
    const rows = read("whole.jsonl").trim().split("\n").map((line) => JSON.parse(line))
    assert.deepStrictEqual(
      records.map((record) => record.slice(1, 8).map((share) => share === "" ? null : Number(share))),
      rows.map(({ value }) => Emotion6.task.labels.map((label) => value?.[label] ?? null))
    )
    assert.isNull((await killed([...small, "--out", "killed.csv"], "killed.csv", 900)).code)
    writeFileSync(join(directory, "killed.csv"), read("killed.csv").slice(0, -7))
    const goneOn = await asked([...small, "--out", "killed.csv"])
    assert.strictEqual(goneOn.code, 0, goneOn.stderr)
    assert.strictEqual(read("killed.csv"), printed.stdout)
  })

  it("writes a COCO file that readers of COCO read", async () => {
    const args = [...small, ...where, "--format", "coco", "--out", "boxes.json"]
    const { code, stderr } = await asked(args)
    assert.strictEqual(code, 0, stderr)
    const { annotations, categories, faults, images } = JSON.parse(read("boxes.json"))
    const idsOf = (list: ReadonlyArray<{ readonly id: number }>) => {
      const ids = new Set(list.map(({ id }) => id))
      assert.strictEqual(ids.size, list.length)
      return ids
    }
    const [imageIds, categoryIds] = [idsOf(images), idsOf(categories)]
    idsOf(annotations)
    assert.isAbove(annotations.length, 10)
    const answered = new Set<string>(images.map(({ file_name }: { file_name: string }) => file_name))
    const failed = faults.map(({ file_name }: { file_name: string }) => file_name)
    assert.includeMembers(failed, bad)
    assert.deepStrictEqual([...answered, ...failed].sort(), names)
    for (const { area, bbox: [x, y, width, height], category_id, image_id, iscrowd, score } of annotations) {
      assert.isTrue(imageIds.has(image_id) && categoryIds.has(category_id) && iscrowd === 0)
      assert.isTrue(score > 0 && score <= 1)
      assert.isTrue(x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= 112.01 && y + height <= 112.01)
      assert.closeTo(area, width * height, 0.01)
    }
    const samples = await Effect.runPromise(
      Stream.runCollect(CocoInstances.read(join(directory, "boxes.json"), { pictures: directory })).pipe(
        Effect.provide(NodeServices.layer)
      )
    )
    assert.deepStrictEqual(samples.reduce((n, { truth }) => n + truth.instances.length, 0), annotations.length)
  })

  it("writes predictions that Label Studio takes for pre-annotations", async () => {
    const { code, stderr } = await asked([
      ...small,
      ...where,
      "--format",
      "label-studio",
      "--out",
      "ls.json"
    ])
    assert.strictEqual(code, 0, stderr)
    const tasks = JSON.parse(read("ls.json"))
    const coco = JSON.parse(read("boxes.json"))
    assert.deepStrictEqual(
      tasks.map(({ data }: { data: { image: string } }) => data.image),
      names.map((name) => `/data/local-files/?d=${name}`)
    )
    let boxes = 0
    for (const { data, predictions } of tasks) {
      if (data.fault !== undefined) {
        assert.deepStrictEqual(predictions, [])
        continue
      }
      const [{ model_version, result, score }] = predictions
      assert.isTrue(typeof model_version === "string" && score > 0 && score <= 1)
      const ids = new Set<string>()
      for (const { from_name, id, original_height, original_width, to_name, type, value } of result) {
        ids.add(id)
        assert.deepStrictEqual([to_name, typeof from_name], ["image", "string"])
        if (type === "textarea") continue
        assert.deepStrictEqual([type, original_width, original_height], ["rectanglelabels", 112, 112])
        assert.isTrue(value.x >= 0 && value.x + value.width <= 100.01 && value.y + value.height <= 100.01)
        assert.deepStrictEqual(value.rectanglelabels, ["answer"])
        boxes++
      }
      assert.strictEqual(ids.size, result.length)
    }
    assert.strictEqual(boxes, coco.annotations.length)
  })

  it("says what does not go together, and asks for what is missing", async () => {
    const cases: ReadonlyArray<readonly [ReadonlyArray<string>, number, RegExp]> = [
      [
        [`${directory}/pictures`, "--out", "x.json"],
        2,
        /--out x\.json may be any JSON: say which, --format coco, coco-results, label-studio or/
      ],
      [[`${directory}/pictures`, "--max-tokens", "0"], 2, /max-tokens.*greater than 0/],
      [[`${directory}/nowhere/*.png`], 1, /nowhere\/\*\.png: no picture in it[^]*nothing to annotate/]
    ]
    for (const [args, code, message] of cases) {
      const ended = await Effect.runPromise(here(["annotate", ...args]))
      assert.deepStrictEqual([ended.code, ended.stdout], [code, ""], ended.stderr)
      assert.match(ended.stderr, message)
    }
  })

  it.live("asks a server only for what has no row: a refused picture is a row with its fault", () =>
    Effect.gen(function*() {
      const server = yield* Server.start
      const text = "<think>the lake lies still</think><answer>calm 70 wild 30</answer>"
      const content = ["<think>the lake lies still</think>", "<answer>", "calm 70 wild 30", "</answer>"].map((
        token,
        i
      ) => (
        { token, logprob: i === 2 ? Math.log(0.25) : -0.001, bytes: [...Buffer.from(token)] }
      ))
      const answer = Server.send(200, {
        choices: [{ finish_reason: "stop", message: { role: "assistant", content: text }, logprobs: { content } }]
      })
      const refusal = Server.send(400, {
        error: { message: "image violates the content policy", code: "content_filter" }
      })
      const revoked = Server.send(401, { error: { message: "revoked" } })
      let left = 7
      let refused = 0
      server.answer = (response, received) =>
        (left-- <= 0 ? revoked : left === 4 && refused++ === 0 ? refusal : answer)(response, received)
      const remote = ["--remote", server.baseUrl, "--remote-model", "vl", "--labels", "calm,wild"]
      const args = [...names.slice(0, 12), ...remote, "--out", "remote.jsonl"]
      const cut = yield* Effect.promise(() => asked(args))
      assert.strictEqual(cut.code, 1)
      assert.match(cut.stderr, /What was answered is kept in remote\.jsonl/)
      const before = server.requests.length
      const kept = read("remote.jsonl").split("\n").length - 1
      assert.isAbove(kept, 0)
      server.answer = answer
      const { code, stderr } = yield* Effect.promise(() => asked(args))
      assert.strictEqual(code, 0, stderr)
      const rows = read("remote.jsonl").trim().split("\n").map((line) => JSON.parse(line))
      assert.deepStrictEqual(rows.map(({ image }) => image), names.slice(0, 12))
      // Two pictures are damaged: the server never sees them.
      const damaged = rows.slice(kept).filter(({ image }) => bad.includes(image)).length
      assert.strictEqual(server.requests.length - before, 12 - kept - damaged)
      assert.strictEqual(rows.filter(({ fault }) => /content policy/.test(fault ?? "")).length, 1)
      const good = rows.filter(({ fault }) => fault === undefined)
      assert.deepStrictEqual(
        good.map(({ confidence, value }) => ({ confidence, value })),
        good.map(() => (
          { confidence: 0.25, value: { calm: 0.7, wild: 0.3 } }
        ))
      )
    }))
})
