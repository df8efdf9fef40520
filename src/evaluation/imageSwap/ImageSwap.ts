/**
 * Is a reasoning about its picture? The image-swap test, which needs no labels of cues: is the reasoning likelier given
 * its own picture than given other pictures of the same data, under a policy that was not trained to write it?
 *
 * For a reasoning R of picture I, the *gain* is the mean of log p(R | I) − log p(R | I′) over other pictures I′, in
 * nats per token of R: an estimate of the pointwise mutual information of text and picture, with the mean over I′ in
 * the place of log p(R) (Church and Hanks 1990; for vision-language models Lin et al., arXiv 2306.01879, and Favero et
 * al., arXiv 2403.14003). *Grounded* is the figure of retrieval (Dai and Lin, arXiv 1710.02534): the chance that the
 * own picture is the likelier one of two, its rank among eight as an AUC, ties half. 0.5 is chance.
 *
 * - **The prompt** is the task's `annotate`, the reasoning stands behind `<think>`. It asks for a reasoning, holds no
 *   label, and is the same for all eight pictures; a sample's own question goes with its reasoning to all of them. The
 *   `reason` prompt shows the annotation, which makes a reasoning likely whatever the picture; without an annotation it
 *   is a question that nobody was ever asked. `annotate` is what methods were asked when they wrote the reasoning.
 * - **The judge** is the frozen base. A policy that has learned a private code for its answers finds that code likely
 *   where it belongs; the base does not know it. What the base wrote itself it finds likely again, true or not: its
 *   own figure is a ceiling.
 * - **Eight pictures** make a group, drawn by keys, and every reasoning of the group is held against every picture of
 *   it. Any two pictures are so compared both ways: reasonings that say the same of all pictures come out at 0.5
 *   exactly, whichever of them they fit.
 *
 * @module
 */
import { Effect, Layer, Schema, Stream } from "effect"
import * as Progress from "../../dsl/Progress.ts"
import { Run } from "../../dsl/Run.ts"
import * as Settings from "../../dsl/stages/Settings.ts"
import type { Sample, Task } from "../../dsl/Task.ts"
import { Rules } from "../../kernels/math/index.ts"
import { warn } from "../../kernels/runtime/Warning.ts"
import { type Policy, PolicyError } from "../../policy/Policy.ts"
import { ResultRow } from "../Results.ts"
import * as Draw from "./Draw.ts"
import * as Figures from "./Figures.ts"
import { score } from "./Score.ts"
import { told } from "./Told.ts"

/** Name of the stage, and of what it reports. */
export const stage = "image-swap"

/** Name of the file of what single reasonings came to. */
export const swapsFile = "image-swap.jsonl"

/** Pictures that are drawn where nothing else is said: enough for a standard error of 0.04 at chance. */
export const defaultSamples = 64

/** Options of `imageSwap`: whose reasonings are tried, and by whom. */
export interface ImageSwapOptions<A, E, R, EP, RP> {
  /** Methods whose answers `evaluate` has left in the run; those without a reasoning have no figure. */
  readonly methods: ReadonlyArray<string>
  /** The task that the answers are of. */
  readonly task: Task<A>
  /** The samples that were evaluated, in the same order. Replayable. */
  readonly data: Stream.Stream<Sample<A>, E, R>
  /** The frozen base: opened once, where anything is left to do. */
  readonly witness: Layer.Layer<Policy, EP, RP>
  /** Pictures that are drawn, or "all". Default 64. */
  readonly samples?: number | "all"
  /** Named in results. Default "full". */
  readonly shots?: string
}

const { required, text, whole } = Rules

const rules: Rules.Table = {
  methods: required({
    expected: "a list of names of methods",
    holds: (value) => Array.isArray(value) && value.every((name) => typeof name === "string" && name !== "")
  }),
  task: required(Rules.record("a task, of Task.make, Classification.make or Detection.make")),
  data: required({ expected: "a stream of samples", holds: Stream.isStream }),
  witness: required({ expected: "a layer of a policy, such as Policy.onnx({ model })", holds: Layer.isLayer }),
  samples: {
    expected: "\"all\", or a whole number from 2",
    holds: (value) => value === "all" || whole(2).holds(value)
  },
  shots: text("\"full\", or training samples per class")
}

/** A warning of this method, where it is read: log, progress, report. */
const tell = Effect.fnUntraced(function*(method: string, text: string) {
  const run = (yield* Run).within(method)
  yield* run.metric({ stage, step: 1, of: 1, warning: text })
  yield* Progress.report(Progress.Event.Warned({ stage: run.named(stage), text }))
})

/** One method's rows, and a line of `image-swap.jsonl` for each of its reasonings. */
const rowsOf = Effect.fnUntraced(function*<A, E, R, EP, RP>(
  method: string,
  { data, samples = defaultSamples, shots = "full", task }: ImageSwapOptions<A, E, R, EP, RP>
) {
  const run = (yield* Run).within(method)
  const drawn = yield* Draw.drawn(data, { count: samples === "all" ? Infinity : samples, seed: run.seed })
  const chains = yield* told(method, drawn)
  const name = run.named(stage)
  yield* Progress.report(Progress.Event.Started({ stage: name, total: chains.length, unit: "samples" }))
  let done = 0
  const swaps = yield* score(task, Draw.groups(chains), (samples) => {
    done += samples
    return Progress.report(Progress.Event.Step({ stage: name, step: done, tokens: 0, figures: {} }))
  })
  yield* Effect.forEach(swaps, ({ auc, nats, others, sample: { image, question } }) =>
    run.append(swapsFile, {
      method,
      image: image.id,
      ...(question === undefined ? {} : { question }),
      auc,
      nats,
      others
    }), { discard: true })
  yield* Progress.report(Progress.Event.Finished({ stage: name, note: `${swaps.length} reasonings` }))
  const doubt = Figures.doubt(method, swaps)
  if (doubt !== undefined) yield* tell(method, doubt)
  return Figures.rows(swaps, { method, shots, seed: run.seed })
})

/**
 * Rows "grounded" (AUC, 0.5 is chance) and "grounded nats" (the gain per token) of methods that were evaluated in this
 * run, per part of the data. Where the witness cannot score texts there are none, which is told. A method is done once
 * a run; interrupted, the test begins at the method that it was at.
 */
export const imageSwap = <A, E, R, EP, RP>(options: ImageSwapOptions<A, E, R, EP, RP>) =>
  Effect.gen(function*() {
    yield* Settings.check(stage, rules, options)
    const run = yield* Run
    const scope = yield* Effect.scope
    const opened = yield* Effect.cached(Layer.buildWithScope(options.witness, scope))
    const rows = yield* Effect.forEach(options.methods, (method) =>
      run.within(method).once(
        stage,
        Schema.Array(ResultRow),
        Effect.flatMap(opened, (policy) => Effect.provideContext(rowsOf(method, options), policy))
      ))
    return rows.flat()
  }).pipe(
    Effect.scoped,
    Effect.catchIf((error) => error instanceof PolicyError, (error) =>
      Effect.as(
        warn(
          `the image-swap test is left out, so that nothing says whether reasonings are about their ` +
            `pictures (column grounded): ${error.message}`
        ),
        new Array<ResultRow>()
      ))
  )
