import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Result } from "effect"
import { Reward } from "../../../src/dsl/index.ts"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { Box, BoxCodec, Detection } from "../../../src/tasks/detection/index.ts"
import { digits, embedded, type TestVocabulary, words } from "../classification/tokenizers.ts"
import { follow, walk } from "../walks.ts"
import { annotation, Seed } from "./boxes.ts"

const runs = { arbitrary: { runs: 200 } }
const names = ["a cup", "a cup of joy", "a drum", "the face"]
const one = Detection.make({ name: "one", subject: "it", codec: BoxCodec.scenes({ step: 10 }), targets: "single" })
const list = Detection.make({ name: "list", subject: "all", codec: BoxCodec.scenes({ step: 10 }) })
const named = Detection.make({ name: "named", subject: "all", codec: BoxCodec.scenes({ labels: names, step: 10 }) })
const fine = Detection.make({ name: "fine", subject: "all", codec: BoxCodec.scenes({ labels: names }) })

const compile = (task: Detection.Detection<"thousandths">, vocabulary: TestVocabulary, form: "answer" | "think") =>
  Effect.runSync(task.grammar!(vocabulary, form))

const truths = (task: Detection.Detection<"thousandths">) =>
  Arbitrary.map(Arbitrary.schema(Seed), (seed) =>
    annotation(Keyed.stream(seed, "truth"), Box.thousandths, {
      step: task.codec.grid.step,
      ...(task === one ? { least: 1, most: 1 } : { most: 4 }),
      ...(task.codec.labels === undefined ? {} : { labels: task.codec.labels })
    }))

for (
  const [tokens, vocabulary] of [["the embedded tokenizer", embedded], ["word tokens", words], [
    "digit tokens",
    digits
  ]] as const
) {
  for (const task of tokens === "digit tokens" ? [one, fine] : [one, list, named]) {
    describe(`grammar of "${task.name}" over ${tokens}`, () => {
      const answer = () => compile(task, vocabulary, "answer")
      const think = () => compile(task, vocabulary, "think")

      it.prop("every accepted answer decodes to boxes inside the picture", [Seed], ([seed]) => {
        const text = vocabulary.decode(walk(answer(), vocabulary, seed))
        const decoded = task.decode(text)
        if (Result.isFailure(decoded)) return assert.fail(`${text}: ${decoded.failure.reason}`)
        for (const { box: [x, y, width, height] } of decoded.success) {
          assert.isTrue(x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= 1000 && y + height <= 1000, text)
        }
      }, runs)

      it.prop("every accepted think-answer keeps the format and decodes", [Seed], ([seed]) => {
        const text = vocabulary.decode(walk(think(), vocabulary, seed))
        const read = Reward.readThinkAnswer(text)
        // Free text may still spell a tag with ordinary characters: that is for the reward to see, not for the grammar.
        if (Result.isFailure(read)) return assert.strictEqual(read.failure.reason, "extra-tag", text)
        assert.isTrue(Result.isSuccess(task.decode(read.success.answer)), text)
      }, runs)

      it.prop(
        "every written annotation is accepted in both forms, and only there may the turn end",
        [truths(task)],
        ([truth]) => {
          const text = task.encode(truth)
          const tokens = [...vocabulary.encode(text)]
          const end = follow(answer(), tokens)
          assert.isTrue(end !== undefined && follow(answer(), [...tokens, vocabulary.endOfTurn]) !== undefined, text)
          assert.isUndefined(follow(answer(), [...tokens.slice(0, -1), vocabulary.endOfTurn]), text)
          const whole = vocabulary.encode(Reward.writeThinkAnswer("the face smiles at a party", text))
          assert.isDefined(follow(think(), [...whole, vocabulary.endOfTurn]), text)
        },
        runs
      )

      it.prop("knows the way of an annotation of nothing: no other annotation goes it", [truths(task)], ([truth]) => {
        const text = task.encode(truth)
        for (
          const [grammar, written] of [[answer(), text], [
            think(),
            Reward.writeThinkAnswer("a face smiles", text)
          ]] as const
        ) {
          let state = 0
          const nothing = [...vocabulary.encode(written)].filter((token) => {
            const cell = state * grammar.vocabulary + token
            state = grammar.next[cell]!
            return grammar.nothing!.has(cell)
          })
          assert.strictEqual(nothing.length > 0, truth.length === 0, written)
        }
      }, runs)

      it("refuses what is no answer", () => {
        const wrong = [
          "",
          "[10, 10, 10]",
          "[10, 10, 0, 10]",
          "[1000, 10, 10, 10]",
          "[10, 10, 10, 10",
          "[10, 10, 10, 10],",
          "a zebra [10, 10, 10, 10]"
        ]
        const more = task === one ? ["[]", "[10, 10, 10, 10], [10, 10, 10, 10]"] : []
        for (const text of [...wrong, ...more]) {
          assert.isUndefined(follow(answer(), [...vocabulary.encode(text), vocabulary.endOfTurn]), text)
        }
      })
    })
  }
}

describe("grammars of boxes", () => {
  const reasonOf = (
    task: Pick<Detection.Detection<"thousandths" | "resized">, "grammar">,
    vocabulary: TestVocabulary
  ) => Effect.runSync(Effect.flip(task.grammar!(vocabulary, "answer"))).message

  it("say what they cannot hold", () => {
    const corners = Detection.make({
      name: "corners",
      subject: "it",
      codec: BoxCodec.qwen2Vl({ space: "thousandths" })
    })
    const json = Detection.make({
      name: "json",
      subject: "it",
      codec: BoxCodec.make({ space: "thousandths", order: "xywh", style: "json" })
    })
    const endless = Detection.make({
      name: "endless",
      subject: "it",
      codec: BoxCodec.make({ space: "resized", order: "xywh", style: "list" })
    })
    assert.match(reasonOf(corners, words), /task "corners": corners have no grammar/)
    assert.match(reasonOf(json, words), /boxes in json style have no grammar/)
    assert.match(reasonOf({ grammar: endless.grammar! }, words), /up to a known end/)
    for (const [width, height, step] of [[Infinity, 50, 10], [50, Infinity, 10], [50, 50, 0.5]] as const) {
      const frame = Box.resized({ width, height })
      const codec = BoxCodec.make({ space: "resized", order: "xywh", style: "list", frame, step, decimals: 1 })
      const { grammar } = Detection.make({ name: "t", subject: "it", codec })
      assert.match(reasonOf({ grammar: grammar! }, words), /only whole numbers up to a known end have a grammar/)
    }
  })

  /** Spells the numbers as one word in texts of so many boxes. */
  const uneven = (boxes: number) => ({
    ...words,
    encode: (text: string) =>
      words.encode(text.match(/[0-9]\]/g)?.length === boxes ? text.replace("0, 30, 70, 100]", "03070100]") : text)
  })
  for (const task of [list, named]) {
    for (const boxes of [1, 2]) {
      it(`say that ${boxes} boxes of "${task.name}" are spelled in a way of their own`, () => {
        assert.match(reasonOf(task, uneven(boxes)), /does not spell names and numbers the same way everywhere/)
      })
    }
  }

  it("write multiples of the step, at least one of them", () => {
    assert.strictEqual(one.encode([{ box: Box.make("thousandths", [123, 456, 78, 91]) }]), "[120, 460, 80, 90]")
    assert.strictEqual(one.encode([{ box: Box.make("thousandths", [998, 2, 1, 1]) }]), "[990, 0, 10, 10]")
    assert.throws(() => BoxCodec.scenes({ step: 0 }), /multiples of a positive step/)
  })
})
