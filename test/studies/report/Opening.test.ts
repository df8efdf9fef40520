import { assert, describe, it } from "@effect/vitest"
import { sentence } from "../../../src/studies/report/Opening.ts"

describe("sentence", () => {
  it("begins a line with a capital and ends it, and writes no path and no setting otherwise", () => {
    for (
      const [line, written] of [
        ["budget 8m: about 7.5 min, with 82% of the steps", "Budget 8m: about 7.5 min, with 82% of the steps."],
        ["the model runs/x/model was trained (by its card)", "The model runs/x/model was trained (by its card)."],
        ["4 of the 9 pictures to test on were", "4 of the 9 pictures to test on were."],
        ["sft: a batch of 8 has no 16 lessons", "sft: a batch of 8 has no 16 lessons."],
        ["labels.csv names them", "labels.csv names them."],
        ["runs/x/model does", "runs/x/model does."],
        ["is it?", "Is it?"],
        ["", ""]
      ] as const
    ) assert.strictEqual(sentence(line), written)
  })
})
