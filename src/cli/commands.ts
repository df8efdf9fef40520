/**
 * The commands of `rise`: thin wrappers over the pipelines.
 */
import { Console, Effect, FileSystem, Option, Path, Schema, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as Spool from "../dsl/Spool.ts"
import { faultOf } from "../evaluation/Asking.ts"
import { evaluate as evaluateModel, Results } from "../evaluation/index.ts"
import * as Image from "../kernels/image/Image.ts"
import { warn } from "../kernels/runtime/Warning.ts"
import { annotate as annotateImages, Presets, warmUp } from "../pipelines/index.ts"
import * as Sources from "../sources/index.ts"
import { barsOf, compare, report as writeReport } from "../studies/index.ts"
import * as Flags from "./flags.ts"
import { computing, readable } from "./main.ts"
import { methods } from "./methods.ts"
import { check, grammarMode, named, policy, together, weightsOf } from "./policy.ts"
import { printed, study } from "./study.ts"
import * as Task from "./task.ts"
import { working } from "./working.ts"

const method = Flag.Literals("method", ["all", "RISE", "SFT", "Visual-RFT"]).pipe(
  Flag.withDescription("Which method to train; all of them are compared"),
  Flag.withDefault("all" as const)
)

export const train = Command.make(
  "train",
  { ...Flags.study, ...Task.flags, method },
  (flags) =>
    computing(flags)(Effect.gen(function*() {
      const task = yield* Task.task(flags)
      const preset = Flags.settings(flags)
      const source = yield* Sources.softLabels({ task, ...flags })
      const start = warmUp(task, source.train, preset)
      const chosen = Object.entries(methods(flags, preset)(start)).filter(([name]) =>
        flags.method === "all" || name === flags.method
      )
      yield* compare({
        start,
        methods: Object.fromEntries(chosen),
        test: source.test,
        preset,
        policy: policy(flags, preset),
        shots: source.shots,
        mean: Sources.meanDistribution,
        cuesNamed: source.cuesNamed,
        bars: barsOf(task)
      }).pipe(study({ name: task.name, flags, task, source }))
    }))
).pipe(Command.withDescription("Train and compare base, SFT, Visual-RFT and RISE"))

const form = Flag.Literals("form", ["think", "answer"]).pipe(
  Flag.withDescription("Whether the model thinks before it answers"),
  Flag.withDefault("think" as const)
)

/** Says how to go on, where answers are kept to go on from. */
const goOn = Effect.fnUntraced(function*(out: string) {
  const fs = yield* FileSystem.FileSystem
  const files = yield* Effect.orElseSucceed(fs.readDirectory(`${out}/checkpoints`), (): ReadonlyArray<string> => [])
  const kept = yield* Effect.filter(
    files.filter((file) => file.endsWith(Spool.extension)),
    (file) =>
      Effect.match(fs.stat(`${out}/checkpoints/${file}`), {
        onFailure: () => false,
        onSuccess: ({ size }) => size > 0n
      })
  )
  if (kept.length > 0) yield* Console.error(`\nWhat was answered is kept. Go on with: --out ${out} --resume`)
})

export const evaluate = Command.make("evaluate", {
  ...Task.flags,
  data: Flags.data,
  model: Flags.model,
  adapter: Flags.adapter,
  ...Flags.remote,
  ...Flags.requests,
  ...Flags.frozen,
  out: Flags.out,
  resume: Flags.resume.pipe(Flag.withDescription("Ask only what the evaluation in --out has no answer to yet")),
  seed: Flags.seed,
  device: Flags.device,
  workers: Flags.workers,
  form
}, (flags) =>
  computing(flags)(Effect.gen(function*() {
    yield* check(flags)
    const task = yield* Task.task(flags)
    const source = yield* Sources.softLabels({ task, ...flags, shots: Option.none() })
    // A server's model is of the paper's size: it takes its words, and no mask.
    const { evaluate: settings } = Option.isSome(flags.remote) ? Presets.presets.paper : Presets.presets.full
    const config = {
      model: named(flags),
      // Answers of other weights under the same name are other answers.
      weights: Option.isSome(flags.remote) ? null : yield* weightsOf(flags),
      adapter: Option.getOrNull(flags.adapter),
      source: source.name,
      form: flags.form,
      quantize: Option.getOrNull(flags.quantize),
      ...Option.match(flags.extra, { onNone: () => ({}), onSome: (extra) => ({ extra }) })
    }
    const { out, result: rows } = yield* working({
      flags,
      name: `${task.name}-evaluate`,
      task,
      train: Stream.empty,
      test: source.test,
      config
    })((out) =>
      evaluateModel({
        method: "model",
        task,
        data: source.test,
        form: flags.form,
        ...settings,
        cuesNamed: source.cuesNamed
      }).pipe(
        Effect.tap(Results.write),
        Effect.provide(policy(flags)),
        Effect.tapError(() => goOn(out))
      )
    )
    yield* Console.log(`${printed(rows)}\n\nEverything is in ${out}.`)
  }))).pipe(Command.withDescription("Measure a model on the test half of a data set"))

/** How a list of pictures went. */
interface Outcome {
  readonly n: number
  readonly failed: number
  /** The first that failed, and why. */
  readonly first: string
}

class NothingAnnotated
  extends Schema.TaggedError<NothingAnnotated>()("NothingAnnotated", { n: Schema.Int, first: Schema.String })
{
  override get message() {
    return `none of the ${this.n} pictures could be annotated. First, ${this.first}`
  }
}

const images = Argument.String("image").pipe(Argument.withDescription("Image files"), Argument.variadic({ min: 1 }))

export const annotate = Command.make("annotate", {
  ...Task.flags,
  model: Flags.model,
  adapter: Flags.adapter,
  ...Flags.remote,
  ...Flags.requests,
  ...Flags.frozen,
  seed: Flags.seed,
  device: Flags.device,
  workers: Flags.workers,
  form,
  images
}, (flags) =>
  computing(flags)(Effect.gen(function*() {
    yield* together(flags)
    const task = yield* Task.task(flags)
    const path = yield* Path.Path
    const { failed, first, n } = yield* Stream.fromIterable(flags.images).pipe(
      Stream.map((file) => Image.file(path.resolve(file), file)),
      annotateImages(task, { form: flags.form, grammar: grammarMode(flags) }),
      Stream.tap(({ annotation, fault, image, reasoning, text }) =>
        Console.log(JSON.stringify({
          image: image.id,
          annotation: Option.match(annotation, { onNone: () => null, onSome: task.encode }),
          reasoning: Option.getOrNull(reasoning),
          ...Option.match(fault, { onNone: () => ({}), onSome: (reason) => ({ fault: reason, text }) })
        }))
      ),
      Stream.runFold((): Outcome => ({ n: 0, failed: 0, first: "" }), (sum, { annotation, fault, image }) =>
        Option.isSome(annotation) ? { ...sum, n: sum.n + 1 } : {
          n: sum.n + 1,
          failed: sum.failed + 1,
          first: sum.failed === 0
            ? faultOf(
              image.id,
              Option.getOrElse(fault, () =>
                "no annotation")
            )
            : sum.first
        }),
      Effect.provide(policy(flags))
    )
    if (failed === n) {
      return yield* new NothingAnnotated({ n, first })
    }
    if (failed > 0) {
      yield* warn(`${failed} of ${n} pictures could not be annotated; each has its fault. First, ${first}`)
    }
  }))).pipe(Command.withDescription("Annotate images and say why, one JSON object a line"))

export const report = Command.make("report", {
  folder: Argument.String("folder").pipe(Argument.withDescription("A run folder"))
}, ({ folder }) => readable(Effect.flatMap(writeReport(folder), (file) => Console.log(file)))).pipe(
  Command.withDescription("Write report.html of a run folder again")
)
