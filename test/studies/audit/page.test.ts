import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option, Result, Stream } from "effect"
import { Image } from "../../../src/kernels/image/index.ts"
import { Audit } from "../../../src/studies/index.ts"
import { BoxCodec, Detection } from "../../../src/tasks/detection/index.ts"

const [width, height] = [200, 100]

/** Boxes in thousandths of each side. */
const task = Detection.make({
  name: "cups",
  subject: "cups and hats",
  codec: BoxCodec.scenes({ labels: ["a cup", "a hat"], step: 10 })
})

const scored = (image: string, label: string, reconstruction: string, similarity: number): Audit.Scored => ({
  image,
  label,
  best: similarity,
  mean: similarity,
  similarity,
  metric: similarity,
  chains: 4,
  leaked: 0,
  unread: 0,
  reconstruction,
  reasoning: "A cup on a table."
})

const [there, elsewhere] = ["a cup [100, 200, 300, 400]", "a cup [500, 200, 300, 400]"]

const shown = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const file = `${yield* fs.makeTempDirectoryScoped()}/audit.html`
  const scores = [scored("right.png", there, there, 1), scored("wrong.png", there, elsewhere, 0)]
  const suspects = yield* Audit.suspects(Stream.fromIterable(scores), {
    by: "metric",
    count: 9,
    wrong: Option.none()
  })
  const truth = Result.getOrThrow(task.decode(there))
  yield* Audit.page({
    file,
    task,
    data: Stream.fromIterable(scores.map(({ image }) => ({
      image: Image.rendered(image, () => ({ width, height, data: new Uint8Array(3 * width * height) })),
      truth
    }))),
    suspects,
    unanswered: { count: 0, of: 2 },
    doubts: [],
    judge: { training: "none", model: "untaught" },
    rows: [],
    facts: []
  })
  return { html: yield* fs.readFileString(file), suspects }
})

describe("the page of an audit", () => {
  it.effect("draws the boxes of a label and those rebuilt on the picture, and says which is which", () =>
    Effect.gen(function*() {
      const { html } = yield* shown
      const [suspect = "", agreeing = ""] = html.split("<div class=\"card example\">").slice(1)
      const boxes = (card: string, kind: string) =>
        [...card.matchAll(
          new RegExp(`<rect class="box ${kind}" x="(\\S+)" y="(\\S+)" width="(\\S+)" height="(\\S+)"`, "g")
        )]
          .map(([, ...sides]) => sides.map(Number))
      // The page shows pictures 224 pixels wide.
      const [across, down] = [224, 112]
      const at = (x: number) =>
        [x * across, 0.2 * down, 0.3 * across, 0.4 * down].map((side) => Number(side.toFixed(1)))
      assert.deepStrictEqual(boxes(suspect, "truth"), [at(0.1), at(0.1)])
      assert.deepStrictEqual(boxes(suspect, "ours"), [at(0.5)])
      assert.strictEqual(boxes(agreeing, "ours").length, 1)
      assert.include(suspect, "best 0.000 · mean 0.000 · similarity 0.000 · metric 0.000")
      assert.match(
        html,
        /<span class="key truth"><\/span>label &nbsp;<span class="key ours"><\/span>rebuilt, its boxes/
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("calls no label suspect that every reconstruction agrees with", () =>
    Effect.gen(function*() {
      const { html, suspects } = yield* shown
      assert.deepStrictEqual(suspects.map(({ agrees, image, rank }) => [rank, image, agrees]), [
        [1, "wrong.png", false],
        [2, "right.png", true]
      ])
      assert.include(suspects[0]!.reason, "chains written for the label lead back to")
      assert.strictEqual(suspects[1]!.reason, "not suspect: all 4 reconstructions agree with the label")
      assert.include(html, "1 of the 2 labels below is no suspect")
      assert.include(html, "2. right.png · <b>rebuilt as labelled</b>")
      assert.notInclude(html, "1. wrong.png ·")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("says which question about a picture has the suspect answer, and counts it as its own", () =>
    Effect.gen(function*() {
      const asked = (question: string, similarity: number) => ({
        ...scored("a.png", there, elsewhere, similarity),
        question
      })
      const scores = Stream.fromIterable([asked("what is left?", 1), asked("what is right?", 0)])
      const wrong = Option.some(new Set(["a.png\nwhat is right?"]))
      const suspects = yield* Audit.suspects(scores, { by: "metric", count: 9, wrong })
      assert.deepStrictEqual(suspects.map(({ question, wrong }) => [question, wrong]), [
        ["what is right?", true],
        ["what is left?", false]
      ])
      const figures = yield* Audit.figures(scores, { seed: 0, wrong })
      assert.strictEqual(figures.find(({ metric }) => metric === "AUROC metric")?.value, 1)
    }))

  it("says how many reconstructions of a label that it agrees with could not be read or came of its quotation", () => {
    const whole = scored("a", "joy", "joy", 1)
    assert.isTrue(Audit.agrees({ ...whole, similarity: 1 - 1e-12 }))
    assert.isFalse(Audit.agrees({ ...whole, similarity: 0.94 }))
    assert.isFalse(Audit.agrees({ ...whole, reconstruction: null }))
    assert.match(
      Audit.reason({ ...whole, similarity: 0.94 }),
      /^not all chains written for the label lead back to it: similarity to the label 0\.94 on average/
    )
    assert.strictEqual(
      Audit.reason({ ...whole, unread: 2, leaked: 1 }),
      "not suspect: all reconstructions that can be read agree with the label; 1 of 4 chains quote the label; " +
        "2 of 4 reconstructions are no annotation"
    )
    assert.strictEqual(
      Audit.reason({ ...whole, chains: 1 }),
      "not suspect: the one reconstruction agrees with the label"
    )
    // A chain that quotes the label leads back to it whatever the picture shows.
    const quoted = { ...whole, leaked: 4, best: 0, mean: 0 }
    assert.isFalse(Audit.agrees(quoted))
    assert.isFalse(Audit.agrees({ ...whole, leaked: 1, unread: 3 }))
    assert.strictEqual(
      Audit.reason(quoted),
      "chains lead back to the label, but as they quote it that says nothing of the picture: similarity to the label " +
        "1.00 on average, reward 0.00 at best; 4 of 4 chains quote the label"
    )
  })
})
