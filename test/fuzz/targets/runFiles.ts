/** Files of a run folder, and of an output that is gone on with. */
import { Effect, Layer, Schema, Stream } from "effect"
import { Run } from "../../../src/dsl/Run.ts"
import * as Spool from "../../../src/dsl/Spool.ts"
import * as Results from "../../../src/evaluation/Results.ts"
import * as artefacts from "../../../src/studies/artefacts.ts"
import { lines, put, texts, values } from "../data.ts"
import { type Disk, holds, type Target } from "../Target.ts"

const taken = <E>(effect: Effect.Effect<unknown, E, Disk>) =>
  Effect.match(effect, { onFailure: () => false, onSuccess: () => true })

const run = { identity: { seed: 1, data: "x" }, about: { node: "24" } }

const prediction = {
  method: "RISE",
  image: "a.png",
  part: null,
  truth: "sun 100",
  text: "sun",
  annotation: "sun 100",
  reasoning: null,
  verdict: "ok",
  metrics: { JSD: 0.1 }
}

/** Opens a run folder to go on with it. */
const resumed = (folder: string) =>
  Effect.scoped(Layer.build(Run.layer({ path: folder, identity: { data: "x" }, seed: 1, resume: true })))

export const targets: ReadonlyArray<Target> = [
  {
    name: "spool",
    kind: "json",
    seeds: texts(lines({ at: 0, text: "a" }, { at: 1, text: "b" }), `${lines([1])}{"at":`),
    run: Effect.fnUntraced(function*(input, folder) {
      const file = yield* put(folder, `answers${Spool.extension}`, input)
      return yield* taken(Effect.scoped(Effect.gen(function*() {
        const first = yield* Spool.open(file)
        yield* first.keep([{ at: 2 }])
        const { rows } = yield* Effect.scoped(Spool.open(file))
        holds(rows.length === first.rows.length + 1, () => `${rows.length} rows of ${first.rows.length} and one`)
      })))
    })
  },
  {
    name: "runRecord",
    kind: "json",
    seeds: values(run),
    run: Effect.fnUntraced(function*(input, folder) {
      yield* put(folder, "run.json", input)
      return yield* taken(resumed(folder))
    })
  },
  {
    name: "results",
    kind: "json",
    seeds: values([{ method: "RISE", shots: "full", seed: 0, metric: "JSD", part: "all", n: 3, value: 0.1 }]),
    run: Effect.fnUntraced(function*(input, folder) {
      const file = yield* put(folder, "results.json", input)
      return yield* taken(artefacts.json(file, Schema.Array(Results.ResultRow)))
    })
  },
  {
    name: "predictions",
    kind: "json",
    seeds: texts(lines(prediction, { ...prediction, part: "seen" })),
    run: Effect.fnUntraced(function*(input, folder) {
      const file = yield* put(folder, "predictions.jsonl", input)
      return yield* taken(Stream.runDrain(artefacts.lines(file, Results.Prediction)))
    })
  }
]
