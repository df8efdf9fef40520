/** Examples show what was said of a sample, where one picture is asked several things. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Run } from "../../src/dsl/Run.ts"
import { predictionsFile } from "../../src/evaluation/Results.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import { examples } from "../../src/studies/examples.ts"
import { Classification } from "../../src/tasks/classification/index.ts"

const task = Classification.make({ name: "weather", labels: ["sun", "rain"], subject: "weather" })
const picture = (id: string) => Image.rendered(id, () => ({ width: 2, height: 2, data: new Uint8Array(12) }))

describe("examples", () => {
  it.effect("of one picture's questions have each its own answers", () =>
    Effect.gen(function*() {
      const [sun, rain] = [[1, 0], [0, 1]]
      const sample = (question: string, truth: ReadonlyArray<number>) => ({ image: picture("1.png"), question, truth })
      const samples = [sample("morning?", sun), sample("evening?", rain), { image: picture("2.png"), truth: sun }]
      const run = yield* Run
      for (const { image, truth, ...rest } of samples) {
        const question = "question" in rest ? { question: rest.question } : {}
        yield* run.append(predictionsFile, {
          method: "SFT",
          image: image.id,
          part: null,
          ...question,
          truth: task.encode(truth),
          text: "rain 100",
          annotation: "rain 100",
          reasoning: null,
          verdict: "ok",
          metrics: { JSD: truth === rain ? 0 : Math.LN2 }
        })
      }
      const found = yield* examples({ task, test: Stream.fromIterable(samples), methods: ["SFT"], of: "SFT", count: 3 })
      assert.deepStrictEqual(
        found.map(({ question, said, worst }) => [question, said.length, worst]).toSorted(),
        [["evening?", 1, undefined], ["morning?", 1, true], [undefined, 1, true]].toSorted()
      )
    }).pipe(Effect.provide([Run.layerMemory({ seed: 0 }), NodeServices.layer])))
})
