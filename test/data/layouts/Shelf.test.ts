/** Folders of pictures with one label between them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Layouts } from "../../../src/data/index.ts"
import { folder, live } from "../folders.ts"

describe("one label", () => {
  it.effect("is named as one, whole and in halves, and is no heap of pictures", () =>
    live(Effect.gen(function*() {
      const reason = (files: ReadonlyArray<string>) =>
        Effect.gen(function*() {
          const root = yield* folder(Object.fromEntries(files.map((file, i) => [file, [4 + i, 4]])))
          return (yield* Effect.flip(Layouts.find(root))).reason
        })
      const only = /^only one label, "left" \(2 pictures\): at least two are needed to tell apart, each a folder with/
      assert.match(yield* reason(["left/1.png", "left/2.png"]), only)
      assert.match(yield* reason(["train/left/1.png", "test/left/2.png"]), only)
      assert.match(yield* reason(["images/1.png", "images/2.png"]), /^2 pictures and no labels/)
    })))
})
