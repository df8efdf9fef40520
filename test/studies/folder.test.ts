import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option, Result, Stream } from "effect"
import * as Results from "../../src/evaluation/Results.ts"
import * as Sources from "../../src/sources/index.ts"
import { inFolder } from "../../src/studies/folder.ts"
import { Classification } from "../../src/tasks/classification/index.ts"
import { folder, live } from "../data/folders.ts"
import { logs } from "../dsl/logs.ts"

const task = Classification.make({ name: "weather", labels: ["sunny", "rainy"], subject: "weather" })

/** Reads both halves three times in a run folder, as training does. */
const run = (data: string, resume = false) =>
  logs(Effect.gen(function*() {
    const { test, train } = yield* Sources.softLabels({ task, data: Option.some(data), shots: Option.none(), seed: 0 })
    yield* Effect.forEach([1, 2, 3], () => Effect.all([Stream.runDrain(train), Stream.runDrain(test)])).pipe(
      Effect.andThen(Results.write([])),
      inFolder({ out: `${data}/run`, seed: 0, resume, task, train, test, config: {} })
    )
  }))

const quarantine = (data: string) =>
  Effect.flatMap(
    FileSystem.FileSystem,
    (fs) =>
      Effect.map(fs.readFileString(`${data}/run/quarantine.jsonl`), (text) =>
        text.split("\n").filter((line) => line !== "").length)
  )

describe("inFolder", () => {
  it.effect("tells of each source once, and where its rows are", () =>
    live(Effect.gen(function*() {
      const rows = Array.from({ length: 3000 }, (_, i) => `gone-${i}.png,1,0\n`).join("")
      const data = yield* folder({
        "a.png": [8, 8],
        "b.png": [8, 8],
        "text.png": "no picture",
        "train.csv": `image,sunny,rainy\na.png,3,4\na.png,1,0\ntext.png,1,0\n${rows}`,
        "val.csv": "image,sunny,rainy\nb.png,1,0\n"
      })
      for (const resume of [false, true]) {
        const { lines: all, result } = yield* run(data, resume)
        // A run that had finished says so, too.
        const lines = all.filter((line) => line.includes("set aside"))
        assert.isTrue(Result.isSuccess(result), JSON.stringify(result))
        assert.strictEqual(lines.length, 2, all.join("\n"))
        assert.include(
          lines[0],
          "/train.csv: 3001 of its 3003 rows are set aside: missing-file 3000, sum 1\n  row 2: sum: shares sum " +
            "to 7, expected 1 ± 0.02; whole numbers look like votes"
        )
        assert.match(
          lines[0]!,
          /\n {2}row 5: missing-file: no file .*\n {2}row 6: .*\n {2}…\n {2}All of them: .*\/run\/quarantine\.jsonl$/
        )
        assert.match(
          lines[1]!,
          new RegExp(
            /\/train\.csv \(pictures\): 1 of its 2 pictures is set aside: /.source +
              /unreadable-image 1\n {2}unreadable-image: text\.png: /.source
          )
        )
        assert.strictEqual(yield* quarantine(data), 3002)
      }
    })))

  it.effect("says nothing where nothing is wrong, and writes so", () =>
    live(Effect.gen(function*() {
      const data = yield* folder({
        "a.png": [8, 8],
        "b.png": [8, 8],
        "train.csv": "image,sunny,rainy\na.png,1,0\n",
        "val.csv": "image,sunny,rainy\nb.png,1,0\n"
      })
      assert.deepStrictEqual((yield* run(data)).lines, [])
      assert.strictEqual(yield* quarantine(data), 0)
    })))

  it.effect("leaves no folder where a half has nothing left, and the error says why", () =>
    live(Effect.gen(function*() {
      const data = yield* folder({
        "a.png": [8, 8],
        "train.csv": "image,sunny,rainy\na.png,1,0\n",
        "val.csv": "image,sunny,rainy\na.png,30,70\nb.png,1,0\n"
      })
      const { lines, result } = yield* run(data)
      const { message } = Option.getOrThrow(Result.getFailure(result))
      assert.include(
        message,
        "val.csv: none of its 2 rows is usable: sum 1, missing-file 1. First, row 2: sum: shares sum to 100, " +
          "expected 1 ± 0.02; they look like percentages: { values: \"percentages\" } reads them"
      )
      assert.deepStrictEqual(lines, [])
      assert.isFalse(yield* (yield* FileSystem.FileSystem).exists(`${data}/run`))
    })))

  it.effect("tells of the other half's rows also where the run does not begin", () =>
    live(Effect.gen(function*() {
      const data = yield* folder({
        "a.png": [8, 8],
        "train.csv": "image,sunny,rainy\na.png,1,0\nb.png,1,0\n",
        "val.csv": "image,sunny,rainy\nb.png,1,0\n"
      })
      const { lines, result } = yield* run(data)
      assert.isTrue(Result.isFailure(result))
      assert.strictEqual(lines.length, 1)
      assert.include(
        lines[0],
        "/train.csv: 1 of its 2 rows is set aside: missing-file 1\n  row 3: missing-file: no file "
      )
    })))
})
