import { assert, describe, it } from "@effect/vitest"
import * as ControlTokens from "../../../src/kernels/text/ControlTokens.ts"

describe("ControlTokens", () => {
  it("finds what ends a turn, opens one or stands for a picture", () => {
    const tokens = [
      "<|im_end|>",
      "<|im_start|>",
      "<|image_pad|>",
      "<|vision_start|>",
      "<|endoftext|>",
      "<|eot_id|>",
      "<｜end▁of▁sentence｜>",
      "<think>",
      "</think>",
      "<answer>",
      "</answer>",
      "</s>",
      "<bos>",
      "<image>",
      "<end_of_turn>",
      "<IMAGE>"
    ]
    for (const token of tokens) assert.strictEqual(ControlTokens.first(`sun ${token} rain`), token)
  })

  it("leaves boxes of Qwen2-VL and plain text alone", () => {
    const texts = [
      "<|object_ref_start|>cup<|object_ref_end|><|box_start|>(1,2),(3,4)<|box_end|>",
      "a < b and c > d",
      "<b>bold</b>",
      "x <| y |> z",
      "[{\"bbox_2d\": [1, 2, 3, 4]}]"
    ]
    for (const text of texts) assert.isUndefined(ControlTokens.first(text), text)
  })
})
