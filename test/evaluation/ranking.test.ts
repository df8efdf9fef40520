/** Boxes of a remote model are ranked by the probabilities that its server tells of the tokens that wrote them. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Option, Redacted, Stream } from "effect"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import { Run } from "../../src/dsl/Run.ts"
import type { Sample } from "../../src/dsl/Task.ts"
import { evaluate } from "../../src/evaluation/evaluate.ts"
import * as Results from "../../src/evaluation/Results.ts"
import { figure } from "../../src/evaluation/Results.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import * as Policy from "../../src/policy/layers.ts"
import * as Drawing from "../../src/studies/Drawing.ts"
import { render } from "../../src/studies/report/Page.ts"
import { Classification } from "../../src/tasks/classification/index.ts"
import { type Annotation, Box, CocoSub } from "../../src/tasks/detection/index.ts"
import * as Server from "../policy/openai/server.ts"

const task = CocoSub.forLabels(["cup", "dog"])
const truth: Annotation<"thousandths"> = [{ box: Box.make("thousandths", [500, 500, 200, 200]), label: "cup" }]
const sample: Sample<typeof truth> = {
  image: Image.rendered("one", () => ({ width: 8, height: 8, data: new Uint8Array(8 * 8 * 3).fill(90) })),
  truth
}
/** The box that is written first is wrong. */
const [wrong, right] = ["cup [0, 0, 100, 100]", "cup [500, 500, 200, 200]"]

const services = Layer.mergeAll(Layer.succeed(Progress, silent), NodeServices.layer)

/** Figures of an answer whose tokens come with these log-probabilities, and what was warned of. */
const measured = (content: string, logprobs: unknown) => {
  const said: Array<string> = []
  return Effect.gen(function*() {
    const server = yield* Server.start
    server.answer = Server.send(200, { choices: [{ ...Server.choice(content), logprobs }] })
    const rows = yield* evaluate({ method: "gpt", task, data: Stream.make(sample), form: "answer", grammar: "off" })
      .pipe(
        Effect.provide([
          Policy.openai({ baseUrl: server.baseUrl, model: "m", apiKey: Redacted.make("k") }),
          Run.layerMemory({ seed: 0 })
        ])
      )
    const value = (metric: string) => Option.getOrUndefined(figure(rows, "gpt", "all", metric))
    return { map: value("mAP@0.5"), ranked: value("ranked"), rows, said }
  }).pipe(
    Effect.scoped,
    Effect.provide([services, Logger.layer([Logger.make(({ message }) => void said.push(String(message)))])])
  )
}

const content = (...tokens: ReadonlyArray<readonly [token: string, sure: number, bytes?: ReadonlyArray<number>]>) => ({
  content: tokens.map(([token, sure, bytes]) => ({
    token,
    logprob: Math.log(sure),
    ...(bytes === undefined ? {} : { bytes })
  }))
})

describe("single labels of a remote model", () => {
  it.live("are kept with the probability of their tokens alone, or of their draws", () =>
    Effect.gen(function*() {
      const text = "<think>so it is</think><answer>sun</answer>"
      const tokens = content(["<think>so it is</think><answer>", 0.1], ["s", 0.5], ["un", 0.98], ["</answer>", 0.2])
      const server = yield* Server.start
      const kept = (answer: "single" | "distribution", samples: number) => {
        const said = answer === "single" ? text : text.replace("sun", "sun 100")
        server.answer = Server.send(200, { choices: [{ ...Server.choice(said), logprobs: tokens }] })
        return evaluate({
          method: "gpt",
          task: Classification.make({ name: "w", labels: ["sun", "rain"], subject: "weather", answer }),
          data: Stream.make({ image: sample.image, truth: [1, 0] }),
          grammar: "off",
          samples
        }).pipe(
          Effect.andThen(Stream.runCollect(Results.answers)),
          Effect.map(([row]) => row?.confidence),
          Effect.provide([
            Policy.openai({ baseUrl: server.baseUrl, model: "m", apiKey: Redacted.make("k") }),
            Run.layerMemory({ seed: 0 })
          ])
        )
      }
      assert.strictEqual(yield* kept("single", 1), 0.7)
      assert.strictEqual(yield* kept("single", 3), 1)
      assert.isUndefined(yield* kept("distribution", 1))
    }).pipe(Effect.scoped, Effect.provide(services)))
})

describe("boxes of a remote model", () => {
  it.live("are ranked by the probabilities of their tokens", () =>
    Effect.gen(function*() {
      const text = `${wrong}, ${right}`
      const surer = yield* measured(text, content([wrong, 0.2], [", ", 1], [right, 0.95]))
      const less = yield* measured(text, content([wrong, 0.95], [", ", 1], [right, 0.2]))
      assert.deepStrictEqual([surer.ranked, less.ranked], [undefined, undefined])
      assert.closeTo(surer.map!, 1, 1e-9)
      assert.closeTo(less.map!, 0.5, 1e-9)
      assert.deepStrictEqual(surer.said, [])
    }))

  it.live("by the bytes of tokens that write a character together", () =>
    Effect.gen(function*() {
      const bytes = (part: string) => [...new TextEncoder().encode(part)]
      const dash = bytes("–")
      const surer = yield* measured(
        `– ${wrong}, ${right}`,
        content(
          ["\\xe2\\x80", 1, dash.slice(0, 2)],
          ["\\x93", 1, dash.slice(2)],
          [" ", 1, bytes(" ")],
          [wrong, 0.2, bytes(wrong)],
          [", ", 1, bytes(", ")],
          [right, 0.95, bytes(right)]
        )
      )
      assert.isUndefined(surer.ranked)
      assert.closeTo(surer.map!, 1, 1e-9)
    }))

  it.live(
    "are not ranked where no token texts are told: confidences are absent, and the report and a warning " +
      "say so",
    () =>
      Effect.gen(function*() {
        const sure = [0.2, 1, 0.95].map((p) => ({ logprob: Math.log(p) }))
        for (const logprobs of [null, { content: [] }, { content: sure }]) {
          const { map, ranked, rows, said } = yield* measured(`${wrong}, ${right}`, logprobs)
          assert.closeTo(map!, 0.5, 1e-9)
          assert.strictEqual(ranked, 0)
          assert.isTrue(
            said.some((text) => /^gpt: 1 of 1 answers came without probabilities of their tokens/.test(text)),
            said.join()
          )
          const page = render({
            caution: Option.none(),
            warnings: [],
            doubts: [],
            picturesLater: false,
            curves: [],
            lower: new Set(),
            examples: [],
            facts: [],
            histogram: Option.none(),
            labels: Option.none(),
            aside: { counts: new Map(), first: [] },
            read: [],
            answers: Option.none(),
            data: Option.none(),
            draws: 1,
            half: undefined,
            drawing: Drawing.none,
            kept: undefined,
            loops: { verdicts: new Map(), shown: 0, pictured: true },
            metric: undefined,
            opening: { done: "", compared: [] },
            settings: [],
            results: rows,
            sentences: [],
            title: "t"
          })
          assert.include(page, "mAP of gpt is unranked")
        }
      })
  )
})
