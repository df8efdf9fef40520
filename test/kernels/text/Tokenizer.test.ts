import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import * as fs from "node:fs"
import { Tokenizer, WordTokenizer } from "../../../src/kernels/text/index.ts"
import { specials, words } from "../../fixtures/text.ts"

const fixture = (name: string) =>
  JSON.parse(fs.readFileSync(new URL(`../../fixtures/${name}`, import.meta.url), "utf8"))

const json = WordTokenizer.tokenizerJson(words, specials)
const tokenizer = Effect.runSync(Tokenizer.fromJson(json, {}))
const idOf = (token: string) => Option.getOrThrow(tokenizer.tokenId(token))

describe("WordTokenizer", () => {
  it("is deterministic: special tokens, then bytes, then words", () => {
    assert.deepStrictEqual(JSON.parse(JSON.stringify(json)), fixture("text-tokenizer.json"))
    assert.deepStrictEqual(specials.map(idOf), specials.map((_, id) => id))
    assert.strictEqual(idOf("A"), specials.length + 0x41)
    assert.strictEqual(idOf("joy"), specials.length + 256)
    assert.strictEqual(idOf("Ġjoy"), specials.length + 257)
    assert.strictEqual(tokenizer.size, new Set(Object.values(json.model.vocab)).size)
  })

  it("gives each listed word one token", () => {
    for (const word of words) assert.strictEqual(tokenizer.encode(word).length, 1, JSON.stringify(word))
    const text = "<think>because the face</think><answer>joy 67 surprise 20 neutral 13</answer><|im_end|>"
    assert.strictEqual(tokenizer.encode(text).length, 3 + 2 + 6 + 3)
  })

  it("refuses words that could never be produced", () => {
    const refused = ["teddy-bear", "party popper", "0.5", "Ġjoy", "", "  joy"]
    for (const word of refused) {
      assert.throws(() => WordTokenizer.tokenizerJson([word], []), RangeError, undefined, word)
    }
    assert.throws(() => WordTokenizer.tokenizerJson([], [" <x>"]), RangeError)
  })

  it("knows words listed twice, and words that are a byte or a special token, once", () => {
    const twice = WordTokenizer.tokenizerJson(["joy", "joy", "a"], ["<x>", "<x>"])
    assert.strictEqual(Object.keys(twice.model.vocab).length, 1 + 256 + 1)
    assert.deepStrictEqual(
      Object.values(twice.model.vocab).sort((a, b) => a - b),
      Array.from({ length: 258 }, (_, i) => i)
    )
  })
})

describe("Tokenizer", () => {
  it("gives the ids of the Rust implementation", () => {
    for (const { ids, plain, text } of fixture("text.json").cases) {
      assert.deepStrictEqual([...tokenizer.encode(text)], ids, JSON.stringify(text))
      assert.strictEqual(tokenizer.decode(ids), text)
      assert.strictEqual(tokenizer.decode(ids, { skipSpecial: true }), plain)
    }
  })

  it.prop("arbitrary strings round-trip", [
    Schema.String,
    Schema.Array(Schema.Literals([...specials, " joy", "\n", " ,", "é"]))
  ], ([text, more]) => {
    const whole = `${text}${more.join(text.slice(0, 2))}`.toWellFormed()
    assert.strictEqual(tokenizer.decode(tokenizer.encode(whole)), whole)
  }, { arbitrary: { runs: 1000, size: 60 } })

  it("round-trips every character", () => {
    for (let from = 0; from < 0x110000; from += 997) {
      let text = ""
      for (let code = from; code < Math.min(from + 997, 0x110000); code++) {
        if (code < 0xd800 || code > 0xdfff) text += String.fromCodePoint(code)
      }
      assert.strictEqual(tokenizer.decode(tokenizer.encode(text)), text, `from U+${from.toString(16)}`)
    }
  })

  it("keeps spaces before punctuation, and tags while dropping control tokens", () => {
    const text = "joy , neutral . he 's n't <think>x</think><|im_end|>"
    assert.strictEqual(tokenizer.decode(tokenizer.encode(text)), text)
    assert.strictEqual(tokenizer.decode(tokenizer.encode(text), { skipSpecial: true }), text.replace("<|im_end|>", ""))
  })

  it("is total on ids: padding rows and broken UTF-8", () => {
    assert.strictEqual(tokenizer.decode([]), "")
    assert.strictEqual(tokenizer.decode([tokenizer.size, -1, idOf("joy"), 1e9]), "joy")
    assert.strictEqual(tokenizer.decode(Int32Array.of(specials.length + 0xff, idOf("joy"))), "\ufffdjoy")
    assert.isTrue(Option.isNone(tokenizer.tokenId("no such token")))
  })

  it.effect("a broken tokenizer.json is a typed error that names the file", () =>
    Effect.gen(function*() {
      for (
        const broken of [{}, { model: {} }, { ...json, model: { type: "Nope" } }, { ...json, added_tokens: undefined }]
      ) {
        const directory = { path: "some/dir", tokenizerJson: { ...broken }, tokenizerConfig: {} }
        const error = yield* Effect.flip(Tokenizer.fromDirectory(directory))
        assert.strictEqual(error._tag, "TextError")
        assert.include(error.message, "some/dir/tokenizer.json")
      }
    }))
})

describe("a hostile tokenizer.json", () => {
  it.effect("ids that would make billions of places are refused", () =>
    Effect.gen(function*() {
      const model = (vocab: Readonly<Record<string, unknown>>) => ({ ...json, model: { ...json.model, vocab } })
      for (const id of [2 ** 31 - 1, 2 ** 22, -1, 0.5, "7", null]) {
        const error = yield* Effect.flip(Tokenizer.fromJson(model({ ...json.model.vocab, joy: id }), {}))
        assert.strictEqual(error._tag, "TextError")
        assert.match(error.message, /the id of "joy" is .*, expected a whole number from 0 to 4194303/)
      }
      const added = { ...json, added_tokens: [{ ...json.added_tokens[0], id: 2 ** 40 }] }
      assert.match((yield* Effect.flip(Tokenizer.fromJson(added, {}))).message, /expected a whole number/)
    }))
})
