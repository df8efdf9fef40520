import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Result } from "effect"
import * as Reward from "../../../src/dsl/Reward.ts"
import { GrammarError } from "../../../src/dsl/Task.ts"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { Classification, Emotion6 } from "../../../src/tasks/classification/index.ts"
import { follow, walk } from "../walks.ts"
import { distribution, Seed } from "./distributions.ts"
import { digits, embedded, merging, qwenLike, type TestVocabulary, words } from "./tokenizers.ts"

const { task } = Emotion6
const compile = (vocabulary: TestVocabulary, form: "answer" | "think", of = task) =>
  Effect.runSync(of.grammar!(vocabulary, form))

const runs = { arbitrary: { runs: 400 } }
const Reasoning = Arbitrary.map(Arbitrary.schema(Seed), (seed) => {
  const draw = Keyed.stream(seed, "reasoning")
  return Array.from(
    { length: 1 + draw.int(12) },
    () => draw.pick(["the", "face", "smiles", "at", "a", "party", "zebra", "dark.", "(storm)"])
  ).join(" ")
})

for (
  const [name, vocabulary] of [["the embedded tokenizer", embedded], ["word tokens", words], [
    "digit tokens",
    digits
  ]] as const
) {
  describe(`Grammar over ${name}`, () => {
    const answer = () => compile(vocabulary, "answer")
    const think = () => compile(vocabulary, "think")

    it.prop("every accepted answer decodes", [Seed], ([seed]) => {
      const text = vocabulary.decode(walk(answer(), vocabulary, seed))
      assert.isTrue(Result.isSuccess(task.decode(text)), text)
    }, runs)

    it.prop("every accepted think-answer keeps the format and decodes", [Seed], ([seed]) => {
      const text = vocabulary.decode(walk(think(), vocabulary, seed))
      const read = Reward.readThinkAnswer(text)
      // Free text may still spell a tag with ordinary characters: that is for the reward to see, not for the grammar.
      if (Result.isFailure(read)) return assert.strictEqual(read.failure.reason, "extra-tag", text)
      assert.isTrue(Result.isSuccess(task.decode(read.success.answer)), text)
    }, runs)

    it.prop("every written annotation is accepted, and only there may the turn end", [Seed], ([seed]) => {
      const tokens = [...vocabulary.encode(task.encode(distribution(seed, "mask", 7)))]
      const end = follow(answer(), tokens)
      assert.isTrue(end !== undefined && follow(answer(), [...tokens, vocabulary.endOfTurn]) !== undefined)
      assert.isUndefined(follow(answer(), [...tokens.slice(0, 1), vocabulary.endOfTurn]))
    }, runs)

    it.prop("every written think-answer is accepted", [Reasoning, Seed], ([reasoning, seed]) => {
      const text = Reward.writeThinkAnswer(reasoning, task.encode(distribution(seed, "mask", 7)))
      assert.isDefined(follow(think(), [...vocabulary.encode(text), vocabulary.endOfTurn]), text)
    }, runs)

    it("refuses what the codec refuses", () => {
      for (const text of ["joy 67 joy 33", "joy", "67", "joy 0", "joy 101", "joy 67 surprise", "joy 067", ""]) {
        const tokens = [...vocabulary.encode(text), vocabulary.endOfTurn]
        assert.isUndefined(follow(answer(), tokens), text)
      }
    })

    it("keeps control tokens, padding ids and blank thoughts out of free text", () => {
      const open = [...vocabulary.encode("<think>the face")]
      const state = follow(think(), open)!
      for (const token of vocabulary.specials!) {
        const allowed = think().allowed[state * think().vocabulary + token] === 1
        assert.strictEqual(allowed, token === vocabulary.encode("</think>")[0])
      }
      assert.isUndefined(follow(think(), vocabulary.encode("<think></think>")))
      for (const blank of [" \n", "\t", "\f", "\v", "\r\n\n"]) {
        assert.isUndefined(follow(think(), vocabulary.encode(`<think>${blank}</think>`)), JSON.stringify(blank))
      }
      assert.isDefined(follow(think(), vocabulary.encode("<think> \nso</think>")))
    })

    it("is the same tables for the same tokenizer, and other tables for the other form", () => {
      assert.strictEqual(compile(vocabulary, "answer"), answer())
      const again = compile({ ...vocabulary, encode: (text) => vocabulary.encode(text) }, "answer")
      assert.notStrictEqual(again, answer())
      assert.strictEqual(again.id, answer().id)
      assert.notStrictEqual(answer().id, think().id)
    })
  })
}

describe("Grammar", () => {
  it("needs one state per set of used labels and one per number to come", () => {
    // 128 sets at a label (the full one is the end), 127 after a label.
    assert.strictEqual(compile(words, "answer").states, 255)
    assert.strictEqual(compile(embedded, "answer").states, 255)
    // And: the start, no text yet, text, after </think>, the closed answer.
    assert.strictEqual(compile(words, "think").states, 255 + 5)
    // Numbers in digits, per set: no number yet, a space, "1", "2" to "9", "10", and what cannot go on.
    assert.strictEqual(compile(qwenLike, "answer").states, 1 + 127 * 6)
  })

  const reasonOf = (of: Classification.Classification, vocabulary: TestVocabulary, form: "answer" | "think") => {
    const error = Effect.runSync(Effect.flip(of.grammar!(vocabulary, form)))
    assert.instanceOf(error, GrammarError)
    return error.message
  }

  it("says why a grammar cannot be made", () => {
    const many = Classification.make({ name: "many", labels: [..."abcdefghi"], subject: "letters" })
    assert.match(reasonOf(many, words, "answer"), /task "many": 9 labels need 512 sets/)
    assert.match(reasonOf(task, merging, "think"), /joins <think>, <\/think> or <answer> with the text beside it/)
    // A character a token, "<" and "(" the same unknown one: where a thought ends could not be told.
    const unknown = {
      size: 128,
      endOfTurn: 1,
      encode: (text: string) => Int32Array.from(text, (letter) => "<(".includes(letter) ? 0 : letter.charCodeAt(0)),
      decode: () => ""
    }
    assert.match(reasonOf(task, unknown, "think"), /joins <think>, <\/think> or <answer> with the text beside it/)
    assert.isDefined(compile(unknown, "answer"))
    // The bare answer has no tags that could be joined.
    assert.isDefined(compile(merging, "answer"))
    const silent = { ...words, encode: (text: string) => words.encode(text.replaceAll(" sadness", "")) }
    assert.match(reasonOf(task, silent, "answer"), /joins " sadness" with the text before it/)
    const large = { ...words, encode: (text: string) => words.encode(text), size: 1_000_000 }
    assert.match(reasonOf(task, large, "answer"), /states × 1000000 tokens .* MiB/)
    const uneven = { ...words, encode: (text: string) => words.encode(text.replaceAll("joy 50", "joy50")) }
    assert.match(reasonOf(task, uneven, "answer"), /same way everywhere|joins/)
  })

  it("holds labels of several words", () => {
    const tools = Classification.make({ name: "tools", labels: ["band", "band aid", "beer glass"], subject: "tools" })
    for (const vocabulary of [words, digits]) {
      const grammar = compile(vocabulary, "answer", tools)
      for (const text of ["band 5 band aid 95", "band aid 95 band 5", "beer glass 100"]) {
        assert.isDefined(follow(grammar, [...vocabulary.encode(text), vocabulary.endOfTurn]), text)
      }
      for (const text of ["band 5 band 95", "band aid 5 band aid 5", "beer 5", "glass 5"]) {
        assert.isUndefined(follow(grammar, [...vocabulary.encode(text), vocabulary.endOfTurn]), text)
      }
    }
  })
})
