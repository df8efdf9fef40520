/** Tokens as the texts that they add, where characters are written by several tokens. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { told } from "../../../src/cli/serve/Stops.ts"
import { spell } from "../../../src/policy/Spelled.ts"
import { end, own, tokenizer } from "./spelling.ts"
const completion = (text: string, ended: boolean) => {
  const tokens = Int32Array.from([...own.encode(text), ...(ended ? [end] : [])])
  return { text: text.trim(), tokens, logprobs: new Float32Array(tokens.length).fill(-1), finish: "stop" as const }
}

describe("Spelled", () => {
  it.effect.prop("spells any text, token by token, the end of the turn apart", [Schema.String, Schema.Boolean], (
    [text, ended]
  ) =>
    Effect.sync(() => {
      // Control tokens that are spelled in a text are no part of a model's own.
      if (!text.isWellFormed() || /<\|/.test(text)) return
      const given = completion(text, ended)
      const spelled = spell(given, tokenizer)
      assert.strictEqual(spelled.map(({ text }) => text).join(""), own.decode(own.encode(text)))
      assert.deepStrictEqual(spelled.map(({ token }) => token), [...given.tokens])
      assert.deepStrictEqual(spelled.map(({ end }) => end), Array.from(given.tokens, (token) => token === end))
    }))

  it("leaves half a character to the token that ends it", () => {
    const spelled = spell(completion("a 🙂 joy", true), tokenizer)
    const faces = spelled.filter(({ text }) => text.includes("🙂"))
    assert.strictEqual(faces.length, 1)
    assert.isAtLeast(spelled.filter(({ text }) => text === "").length, 3)
  })

  it("cuts at the first stop, with the tokens that begin before it", () => {
    const given = completion(" the happy face joy", true)
    const { finish, text, tokens } = told(given, tokenizer, ["joy", "face"])
    assert.deepStrictEqual([text, finish], ["the happy ", "stop"])
    assert.deepStrictEqual(tokens.map(({ text }) => text), [" the", " happy", " face"])
    assert.strictEqual(told(given, tokenizer, ["sad"]).text, "the happy face joy")
    assert.deepStrictEqual(told(given, tokenizer, ["the"]).text, "")
  })
})
