/** What counts as repeating oneself, on texts that do and on texts that do not. */
import { assert, describe, it } from "@effect/vitest"
import { Option, Schema } from "effect"
import { readFileSync } from "node:fs"
import { explain, inventory } from "../../src/data/scenes/Language.ts"
import * as Scene from "../../src/data/scenes/Scene.ts"
import * as Reward from "../../src/dsl/Reward.ts"
import { Keyed } from "../../src/kernels/math/index.ts"

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 30 }))
const said = (text: string) => Option.getOrUndefined(Reward.repetition(text))

describe("a reasoning that repeats itself", () => {
  it("says a word four times in a row, or in more than half of its runs of three words what it has said", () => {
    const again: ReadonlyArray<readonly [string, string]> = [
      ["A face near an umbrella umbrella umbrella umbrella", "umbrella umbrella umbrella umbrella"],
      ["Umbrella, umbrella; UMBRELLA. umbrella! under the sky", "umbrella umbrella umbrella umbrella"],
      ["the face is the face is the face is the face is the face", "the face is"],
      [`A dog ${"in a field and ".repeat(5)}a cat.`, "in a field"],
      ["孩子在笑孩子在笑孩子在笑孩子在笑孩子在笑孩子在笑", "孩子 在 笑"],
      ["笑 笑 笑 笑 笑 笑", "笑 笑 笑 笑"]
    ]
    for (const [text, expected] of again) assert.strictEqual(said(text), expected, text)
  })

  it.prop("however long it is, and whatever stood before", [Seed], ([seed]) => {
    const draw = Keyed.stream(seed, "repeat")
    const scene = explain(draw, Scene.compose(draw, Scene.wholeWorld))
    const phrase = ["umbrella", "a smiling face", "the dog runs home"][draw.int(3)]!
    const text = `${scene} ${Array.from({ length: 80 }, () => phrase).join(" ")}`
    const fault = Option.getOrThrow(Reward.narrative(text))
    assert.strictEqual(fault.reason, "repetition")
    assert.isTrue(Option.isNone(Reward.narrative(text, { repetition: false })))
  })
})

describe("what does not", () => {
  it.prop("true sentences of the embedded scenes", [Seed], ([seed]) => {
    const draw = Keyed.stream(seed, "scene")
    const scene = Scene.compose(draw, Scene.wholeWorld)
    for (const text of [explain(draw, scene), inventory(draw, scene)]) {
      assert.isUndefined(said(text), text)
    }
  }, { arbitrary: { runs: 500 } })

  it("ordinary English, and what is said for emphasis", () => {
    const prose = ["README.md", "CONTRIBUTING.md", "docs/scenes.md", "docs/tasks.md", "docs/results.md"]
      .flatMap((file) => readFileSync(file, "utf8").replace(/```[^]*?```/g, "").split("\n"))
      .filter((line) => line.length > 60 && !line.startsWith("|"))
    assert.isAbove(prose.length, 100)
    const spoken = [
      "It is very, very, very cold here and nobody smiles.",
      "A plain key, a plain key, a plain key and a plain key lie in a room.",
      "The cat is on the mat. The dog is on the mat. The bird is on the mat.",
      "Never, never, never give up, says the man on the stage, and the crowd goes wild, goes wild with joy.",
      "子供が笑っています。とても楽しそうです。"
    ]
    for (const text of [...prose, ...spoken]) assert.isUndefined(said(text), text)
  })

  it("texts without words, and none", () => {
    for (const text of ["", "...", "!!! !!! !!! !!! !!!", "🙂🙂🙂🙂🙂🙂"]) assert.isUndefined(said(text))
  })
})
