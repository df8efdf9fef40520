import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Option, Result, Schema } from "effect"
import * as Reward from "../../src/dsl/Reward.ts"
import * as Task from "../../src/dsl/Task.ts"
import { Keyed } from "../../src/kernels/math/index.ts"
import { Classification, Emotion6 } from "../../src/tasks/classification/index.ts"
import { Seed, Seven, Written } from "../tasks/classification/distributions.ts"

const { task } = Emotion6
const cot = Reward.cot(task)
const r1 = Reward.r1(task)
const narrative = "The smiling face holds a party popper under a clear sky."
const runs = { arbitrary: { runs: 400 } }

const write = (values: ReadonlyArray<number>) =>
  values.map((p, i) => `${task.labels[i]} ${Math.round(100 * p)}`).filter((_, i) => values[i]! > 0).join(" ")

/** All ways of dividing a number into so many parts, the largest first, none above `most`. */
const divided = (total: number, parts: number, most = total): ReadonlyArray<ReadonlyArray<number>> =>
  parts === 0
    ? total === 0 ? [[]] : []
    : Array.from({ length: Math.min(total, most) + 1 }, (_, first) => first).flatMap((first) =>
      divided(total - first, parts - 1, first).map((rest) => [first, ...rest])
    )

/** What a policy may produce: arbitrary text, pieces of the format, valid answers. */
const Text = Arbitrary.all([Arbitrary.schema(Schema.String), Arbitrary.schema(Seed), Written]).pipe(
  Arbitrary.map(([text, seed, written]) => {
    const draw = Keyed.stream(seed, "text")
    const pieces = ["<think>", "</think>", "<answer>", "</answer>", narrative, write(written), text, "joy 67%", "\n"]
    return draw.pick([
      text,
      write(written),
      Reward.writeThinkAnswer(narrative, write(written)),
      Array.from({ length: draw.int(7) }, () => draw.pick(pieces)).join("")
    ])
  })
)

describe("Reward.cot", () => {
  it.prop(
    "is in [0, 1] whatever the model wrote, and 0 unless all is well",
    [Seven, Text, Text],
    ([truth, reasoning, reconstruction]) => {
      const scored = cot({ truth, reasoning, reconstruction })
      assert.isTrue(scored.reward >= 0 && scored.reward <= 1)
      assert.strictEqual(scored.verdict === "ok", Option.isNone(scored.detail))
      if (scored.verdict !== "ok") assert.strictEqual(scored.reward, 0)
    },
    runs
  )

  it.prop("pays the similarity for a narrative and a readable answer", [Seven, Written], ([truth, written]) => {
    const { annotation, reward, verdict } = cot({ truth, reasoning: narrative, reconstruction: write(written) })
    assert.strictEqual(verdict, "ok")
    assert.closeTo(reward, Reward.similarity(task, truth, written), 1e-12)
    assert.isTrue(Option.isSome(annotation))
  }, runs)

  it("pays almost 1 for the annotation of 15 raters itself, however they vote", () => {
    // What whole percents cost: at most 0.00106, over all ways of voting. Shares below half a percent are rounded away
    // and cost more, eq. 4 being unforgiving of zeros; votes are not that small.
    const rewards = divided(15, 7).map((votes) => {
      const truth = votes.map((count) => count / 15)
      return cot({ truth, reasoning: narrative, reconstruction: task.encode(truth) }).reward
    })
    assert.strictEqual(rewards.length, 131)
    assert.isTrue(Math.min(...rewards) > 0.9989, String(Math.min(...rewards)))
  })

  it.prop("is 0 where the reasoning leaks", [Seven, Written], ([truth, written]) => {
    for (const quote of [task.encode(truth), "joy is 0.67", "67% joy"]) {
      const { reward, verdict } = cot({ truth, reasoning: `${narrative} ${quote}`, reconstruction: write(written) })
      assert.deepStrictEqual([reward, verdict], [0, "leak"])
    }
  }, runs)

  it.prop("is 0 where a format is broken", [Seven, Written], ([truth, written]) => {
    for (
      const reasoning of [
        "",
        "  ",
        "joy",
        "a happy face here",
        `${narrative} <answer>`,
        `<think>${narrative}`,
        "<|im_start|> the face smiles at you",
        ". . . . . ."
      ]
    ) {
      const { reward, verdict } = cot({ truth, reasoning, reconstruction: write(written) })
      assert.deepStrictEqual([reward, verdict], [0, "format-reasoning"], reasoning)
    }
    for (const reconstruction of ["", "joyful", "joy 50 joy 50", `${write(written)} and so on`]) {
      const { annotation, reward, verdict } = cot({ truth, reasoning: narrative, reconstruction })
      assert.deepStrictEqual(
        [reward, verdict, Option.isNone(annotation)],
        [0, "format-annotation", true],
        reconstruction
      )
    }
  }, runs)

  it.prop(
    "an end of turn left in either text, and white space around it, change nothing",
    [Seven, Written],
    ([truth, written]) => {
      const plain = { truth, reasoning: narrative, reconstruction: write(written) }
      for (const end of ["<|im_end|>", "\n<|im_end|>\n", "</s>", "<end_of_turn> "]) {
        const ended = { truth, reasoning: `\n${narrative}${end}`, reconstruction: ` ${write(written)}${end}` }
        assert.deepStrictEqual(cot(ended), cot(plain), end)
      }
    },
    runs
  )

  it("takes five words in any script, and comparisons are not tags", () => {
    for (
      const reasoning of [
        "a < b and c > d here",
        "это лицо улыбается под ясным небом",
        "子供が笑っています。とても楽しそうです。",
        "孩子在公园里开心地笑着跑着",
        "one two three four five"
      ]
    ) {
      assert.isTrue(Option.isNone(Reward.narrative(reasoning)), reasoning)
    }
    for (const reasoning of ["笑顔", "子供", "孩子笑"]) {
      assert.isTrue(Option.isSome(Reward.narrative(reasoning)), reasoning)
    }
  })

  it("each part can be switched off", () => {
    const truth = [0, 0, 0, 1, 0, 0, 0]
    const again = { truth, reasoning: "a smiling face ".repeat(20), reconstruction: "joy 100" }
    assert.deepStrictEqual([cot(again).reward, cot(again).verdict], [0, "format-reasoning"])
    assert.strictEqual(Reward.cot(task, { repetition: false })(again).reward, 1)
    assert.strictEqual(Reward.cot(task, { format: false })(again).reward, 1)
    const turn = { truth, reasoning: "joy 100", reconstruction: "joy 100" }
    assert.strictEqual(cot(turn).verdict, "leak")
    assert.strictEqual(Reward.cot(task, { leak: false })(turn).verdict, "format-reasoning")
    assert.strictEqual(Reward.cot(task, { format: false })(turn).verdict, "leak")
    assert.deepStrictEqual(Reward.cot(task, { leak: false, format: false })(turn).reward, 1)
    const unreadable = Reward.cot(task, { leak: false, format: false })({ ...turn, reconstruction: "?" })
    assert.deepStrictEqual([unreadable.reward, unreadable.verdict], [0, "format-annotation"])
  })
})

describe("Reward.r1", () => {
  it.prop("is in [0, 1] whatever the model wrote", [Seven, Text], ([truth, text]) => {
    for (const score of [r1, Reward.r1(task, { format: false })]) {
      const { reward, verdict } = score({ truth, text })
      assert.isTrue(reward >= 0 && reward <= 1)
      if (verdict !== "ok") assert.strictEqual(reward, 0)
    }
  }, runs)

  it.prop(
    "pays the similarity for an exact think-answer, also where the thought names numbers",
    [Seven, Written],
    ([truth, written]) => {
      for (const thought of [narrative, `joy is 67% here`, "x"]) {
        const { reasoning, reward } = r1({ truth, text: Reward.writeThinkAnswer(thought, write(written)) })
        assert.closeTo(reward, Reward.similarity(task, truth, written), 1e-12)
        assert.deepStrictEqual(reasoning, Option.some(thought))
      }
    },
    runs
  )

  it.prop("is 0 for anything else", [Seven, Written], ([truth, written]) => {
    const answer = write(written)
    for (
      const text of [
        answer,
        `<answer>${answer}</answer>`,
        `<think></think><answer>${answer}</answer>`,
        `<think> \n</think><answer>${answer}</answer>`,
        `<think>so</think>,<answer>${answer}</answer>`,
        `so<think>so</think><answer>${answer}</answer>`,
        `<think>so</think><answer>${answer}</answer><|box_end|>`,
        `<think>so</think><answer>${answer}</answer>.`,
        `<think>so</think><answer>${answer}`,
        `<think>so</think><think>so</think><answer>${answer}</answer>`,
        `<think>so</think><answer>${answer}</answer><answer>${answer}</answer>`,
        `<think>so<answer></think><answer>${answer}</answer>`,
        `<think>so</think>${answer}`
      ]
    ) assert.deepStrictEqual([r1({ truth, text }).reward, r1({ truth, text }).verdict], [0, "format-reasoning"], text)
    const unreadable = r1({ truth, text: `<think>so</think><answer>${answer} ${answer}</answer>` })
    assert.deepStrictEqual([unreadable.reward, unreadable.verdict], [0, "format-annotation"])
  }, runs)

  it.prop("pays white space around tags, and an end of turn left in the text, as if they were not there", [
    Seven,
    Written
  ], ([truth, written]) => {
    const answer = write(written)
    const plain = r1({ truth, text: `<think>so</think><answer>${answer}</answer>` })
    for (
      const text of [
        `<think>so</think>\n<answer>${answer}</answer>`,
        `\n <think>\nso\n</think>\r\n\r\n<answer>\n${answer}\n</answer>\n`,
        `<think> so </think>\t<answer>\u00a0${answer} </answer><|im_end|>`,
        `<think>so</think><answer>${answer}</answer>\n<|im_end|>\n<|endoftext|><|endoftext|>`,
        ...["</s>", "<eos>", "<end_of_turn>", "<|eot_id|>", "<|end|>", "<end_of_utterance>"].map((end) =>
          `<think>so</think><answer>${answer}</answer>${end}`
        )
      ]
    ) assert.deepStrictEqual(r1({ truth, text }), plain, text)
  }, runs)

  it("quotes what is wrong with a think-answer", () => {
    const fault = (text: string) => {
      const read = Reward.readThinkAnswer(text)
      return Result.isFailure(read) ? [read.failure.reason, read.failure.value] : "none"
    }
    assert.deepStrictEqual(fault("joy 100"), ["no-think", "joy 100"])
    assert.deepStrictEqual(fault("<think>so"), ["no-answer", "<think>so"])
    const open = "</think> <answer>joy"
    assert.deepStrictEqual(fault(`<think>so${open}`), ["answer-not-closed", open])
    assert.deepStrictEqual(fault(`<think>so${open}</answer> and more`), [
      "answer-not-closed",
      `${open}</answer> and more`
    ])
    assert.deepStrictEqual(fault("<think>a<think>b</think><answer>joy</answer>"), ["extra-tag", "<think>"])
    assert.deepStrictEqual(fault("<think> </think><answer>joy</answer>")[0], "empty-think")
  })

  it("reads a long run of white space in linear time", () => {
    const blank = " ".repeat(1_000_000)
    const read = Reward.readThinkAnswer(
      `${blank}<think>so${`</think>${blank}`.repeat(8)}<answer>joy 100${blank}</answer>${blank}`
    )
    assert.isTrue(Result.isFailure(read) && read.failure.reason === "extra-tag")
  })

  it("without the format check, finds the answer where it is", () => {
    const truth = [0, 0, 0, 1, 0, 0, 0]
    const loose = Reward.r1(task, { format: false })
    for (
      const text of [
        "joy 100",
        "<answer>joy 100",
        "<think>so</think>joy 100",
        "so</think>\n<answer>joy 100</answer> ok",
        "joy 100<|im_end|>"
      ]
    ) {
      assert.strictEqual(loose({ truth, text }).reward, 1, text)
    }
  })

  it.prop("reading is total, and reads back what was written", [Text, Text], ([text, other]) => {
    const read = Reward.readThinkAnswer(text)
    // Read once more, what was read is the same: nothing but white space and ends of turn was lost.
    if (Result.isSuccess(read)) {
      const plain = Reward.writeThinkAnswer(read.success.reasoning, read.success.answer)
      assert.deepStrictEqual(Reward.readThinkAnswer(plain), read)
      assert.strictEqual(plain.replaceAll(/\s/g, ""), text.replaceAll(/\s/g, ""))
    }
    const again = Reward.readThinkAnswer(Reward.writeThinkAnswer(text, other))
    if (!/<\/?(think|answer)>/.test(text + other) && text.trim() !== "") {
      assert.deepStrictEqual(again, Result.succeed({ reasoning: text.trim(), answer: other.trim() }))
    } else assert.isTrue(Result.isFailure(again))
  }, { arbitrary: { runs: 1000 } })
})

describe("Reward of a plug-in", () => {
  const Stars = Task.make({
    name: "stars",
    annotation: Schema.Int,
    encode: String,
    decode: (text) =>
      /^\d{1,2}$/.test(text) ? Result.succeed(Number(text)) : Result.fail(Task.formatReason("not-a-rating", text)),
    prompts: task.prompts,
    similarity: (truth: number, predicted: number) => 1 - Math.abs(truth - predicted) / 4
  })

  it("without a leakage rule, the annotation's own numbers leak", () => {
    const score = Reward.cot(Stars)
    const turn = (reasoning: string) => score({ truth: 5, reasoning, reconstruction: "4" })
    assert.deepStrictEqual([turn("the dish looks fresh and rich").reward, turn("I would give this dish 5.").verdict], [
      0.75,
      "leak"
    ])
    assert.strictEqual(turn("there are 5 shrimps on it, all fresh").verdict, "ok")
  })

  it("a similarity outside [0, 1] is named, never paid", () => {
    const score = Reward.cot(Stars)
    const turn = { truth: 1, reasoning: narrative, reconstruction: "99" }
    assert.throws(() => score(turn), /task "stars": similarity returned -23.5 for "99", expected \[0, 1\]/)
    const literal = Reward.cot(
      Classification.make({ name: "printed", labels: task.labels, subject: "feelings", similarity: "literal" })
    )
    const uniform = new Array<number>(7).fill(1 / 7)
    assert.throws(
      () => literal({ truth: uniform, reasoning: narrative, reconstruction: write(new Array<number>(7).fill(1)) }),
      /similarity returned 1\.44/
    )
  })

  it("needs a name", () => {
    assert.throws(() => Task.make({ ...Stars, name: " " }), /the name is empty/)
    const metrics = [{ name: "valid", direction: "higher" as const, of: () => 1 }]
    assert.throws(() => Task.make({ ...Stars, metrics }), /a metric is named "valid", which every task has already/)
  })
})
