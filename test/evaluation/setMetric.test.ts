/** Figures of whole test sets: fed per part, with the confidence that answers were written with. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Stream } from "effect"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import { Run } from "../../src/dsl/Run.ts"
import * as Task from "../../src/dsl/Task.ts"
import { evaluate } from "../../src/evaluation/evaluate.ts"
import { figure } from "../../src/evaluation/Results.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import { Policy, PolicyError } from "../../src/policy/Policy.ts"
import { Box, Lisa } from "../../src/tasks/detection/index.ts"

/**
 * Writes one and the same box for every picture, a character a token, as sure of each as its picture's number in
 * tenths.
 */
/** A token a character; 0 ends the turn. */
const encode = (text: string) => Int32Array.from(text, (character) => character.charCodeAt(0))

const writing = (text: string) =>
  Layer.succeed(
    Policy,
    Policy.of({
      session: Effect.succeed({
        version: 0,
        sample: (requests) =>
          Effect.succeed(requests.map(({ prompt }) => {
            const sure = Number(prompt.images[0]?.id) / 10
            // All of it certain but the numbers, and the end of turn, which is no text.
            const logprobs = Float32Array.from(
              [...text].map((character) => /\d/.test(character) ? Math.log(sure) : 0).concat(Math.log(1e-3))
            )
            const tokens = Int32Array.from([...encode(text), 0])
            return [{ text, tokens, logprobs, finish: "stop" as const }]
          })),
        logprobs: () => Effect.succeed([])
      }),
      beginStage: Effect.void,
      update: () => Effect.fail(new PolicyError({ operation: "update", reason: "none" })),
      endStage: Effect.void,
      snapshot: Effect.succeed({ version: 0 }),
      revert: () => Effect.void,
      saveSnapshot: () => Effect.void,
      loadSnapshot: () => Effect.succeed({ version: 0 }),
      checkpoint: () => Effect.void,
      restore: () => Effect.void,
      save: () => Effect.void,
      identity: { engine: "stub" },
      tokenizer: Option.some({
        encode,
        decode: (tokens) => String.fromCharCode(...Array.from(tokens).filter((token) => token > 0)),
        vocabularySize: 0,
        endOfTurn: 0,
        specials: new Set()
      })
    })
  )

const right = [{ box: Box.make("thousandths", [0, 0, 100, 100]) }]
const wrong = [{ box: Box.make("thousandths", [500, 500, 100, 100]) }]
const samples = ([[9, right, "seen"], [2, wrong, "seen"], [3, right, "unseen"], [8, wrong, "unseen"]] as const).map((
  [id, truth, part]
): Task.Sample<typeof right> => ({
  image: Image.encoded(String(id), new Uint8Array()),
  truth,
  part,
  question: "Where?"
}))

const rows = (task: typeof Lisa.task) =>
  evaluate({ method: "model", task, data: Stream.fromIterable(samples), form: "think" }).pipe(
    Effect.provide(
      Layer.mergeAll(
        writing("<think>9 8 7 reasons to be here</think><answer>[0, 0, 100, 100]</answer>"),
        Run.layerMemory({ seed: 0 }),
        Layer.succeed(Progress, silent),
        NodeServices.layer
      )
    )
  )

describe("figures of a test set", () => {
  it.effect("are mAP over all pictures of a part, ranked by the probability of the box's own tokens", () =>
    Effect.gen(function*() {
      const found = yield* rows(Lisa.task)
      const value = (part: string) => Option.getOrThrow(figure(found, "model", part, "mAP@0.5"))
      // Half of the pictures found: 51 of 101 recalls. In "seen" the right one is the surer one, in "unseen" the wrong
      // one is.
      assert.closeTo(value("seen"), 51 / 101, 1e-9)
      assert.closeTo(value("unseen"), 51 / 101 / 2, 1e-9)
      // By confidence: right (9), wrong (8), right (3), wrong (2): precision 1 up to recall 1/4, 2/3 up to 1/2.
      assert.closeTo(value("all"), (26 + 25 * 2 / 3) / 101, 1e-9)
      assert.deepStrictEqual(found.filter(({ metric }) => metric === "mAP@[.5:.95]").map(({ part }) => part).sort(), [
        "all",
        "seen",
        "unseen"
      ])
      assert.strictEqual(Option.getOrThrow(figure(found, "model", "all", "IoU")), 0.5)
    }))

  it.effect("ask for the mean probability of characters, and need no confidence", () =>
    Effect.gen(function*() {
      const asked: Array<number> = []
      const { rank, ...plain } = Lisa.task
      yield* rows({
        ...plain,
        rank: (annotation, text, probability) => {
          const [from, to] = [text.indexOf("[0"), text.indexOf("]") + 1]
          asked.push(probability(from, to), probability(to, text.length))
          return annotation
        }
      })
      // 8 of the 16 characters are digits.
      for (const [i, id] of [9, 2, 3, 8].entries()) {
        assert.closeTo(asked[2 * i]!, (8 + 8 * id / 10) / 16, 1e-6)
        assert.closeTo(asked[2 * i + 1]!, 1, 1e-6)
      }
      const unranked = yield* rows(plain)
      // All are as sure: two of four right in the order that they came, right first.
      assert.closeTo(Option.getOrThrow(figure(unranked, "model", "all", "mAP@0.5")), (26 + 25 * 2 / 3) / 101, 1e-9)
    }))

  it.effect("say of how many things they are, where those are fewer than the samples", () =>
    Effect.gen(function*() {
      const metric = (name: string, items: (truth: ReadonlyArray<unknown>) => number) => ({
        name,
        direction: "higher" as const,
        of: () => 1,
        items
      })
      // One thing in a picture at the upper left, none in the others; two in each.
      const found = yield* rows({
        ...Lisa.task,
        metrics: [metric("few", (truth) => truth === right ? 1 : 0), metric("many", () => 2), metric("none", () => 0)]
      })
      const of = (name: string, part: string) =>
        found.filter(({ metric, part: own }) => metric === name && own === part).map(({ items, n }) => [items, n])
      assert.deepStrictEqual([of("few", "all"), of("few", "seen")], [[[2, 4]], [[1, 2]]])
      assert.deepStrictEqual([of("many", "all"), of("valid", "all")], [[[undefined, 4]], [[undefined, 4]]])
      assert.deepStrictEqual(of("none", "all"), [])
    }))
})
