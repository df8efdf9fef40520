import { assert, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { CocoInstances, CsvManifest, Emotion6Folder, JsonLines, ReasonSeg } from "../../src/data/index.ts"
import { Emotion6 } from "../../src/tasks/classification/index.ts"
import { collect, folder, live } from "./folders.ts"

const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 12345\n`
const says = "a Git LFS pointer in the place of a file of 12345 bytes: fetch it with git lfs pull"

it.effect("a file of a data set that was not fetched is named as such by every reader", () =>
  live(
    Effect.gen(function*() {
      const root = yield* folder({
        "train.csv": pointer,
        "data.jsonl": pointer,
        "instances.json": pointer,
        "ground_truth.txt": pointer,
        "seg/a.json": pointer
      })
      assert.strictEqual(
        (yield* collect(CsvManifest.read(`${root}/train.csv`, Emotion6.task))).error,
        `${root}/train.csv: ${says}`
      )
      assert.strictEqual(
        (yield* collect(JsonLines.read(`${root}/data.jsonl`, { annotation: Schema.Unknown }))).error,
        `${root}/data.jsonl: ${says}`
      )
      assert.strictEqual(
        (yield* collect(Emotion6Folder.read(root, Emotion6.task))).error,
        `${root}/ground_truth.txt: ${says}`
      )
      assert.include(
        (yield* collect(CocoInstances.read(`${root}/instances.json`))).error,
        `${root}/instances.json: not JSON: ${says}`
      )
      assert.include((yield* collect(ReasonSeg.read(`${root}/seg`))).details[0], `a.json: ${says}`)
    })
  ))
