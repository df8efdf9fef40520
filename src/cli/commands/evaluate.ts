/** `rise evaluate`: a model on the test half of a data set. */
import { Console, Effect, FileSystem, Option, type Path, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import { Event, report } from "../../dsl/Progress.ts"
import * as Quarantine from "../../dsl/Quarantine.ts"
import { named as nameOf } from "../../dsl/Run.ts"
import * as Spool from "../../dsl/Spool.ts"
import type { Task } from "../../dsl/Task.ts"
import {
  evaluate as evaluateModel,
  evaluateConstant,
  imageSwap,
  type Measured,
  Results,
  standardErrorsOf,
  verdict
} from "../../evaluation/index.ts"
import { fitted, Presets } from "../../pipelines/index.ts"
import { directoryOf } from "../../policy/Embedded.ts"
import type * as Sources from "../../sources/index.ts"
import { barsOf, type Example, labels } from "../../studies/index.ts"
import { CommandLine } from "../commandLine.ts"
import { tellOther } from "../difficulty.ts"
import * as Sized from "../engine/fitted.ts"
import * as Engine from "../engine/index.ts"
import * as Flags from "../flags.ts"
import { computing } from "../main.ts"
import * as Pictures from "../pictures.ts"
import { asked, check, named, policy, weightsOf } from "../policy.ts"
import { goingOn } from "../resumed.ts"
import * as Saved from "../saved.ts"
import { printed } from "../study.ts"
import { type Told, told } from "../told.ts"
import { tellTrainedOn } from "../trainedOn.ts"
import { text, whole } from "../values.ts"
import { baseOf } from "../witness.ts"
import { outPossible, working } from "../working.ts"
import { form, formOf, samples } from "./form.ts"

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
  if (kept.length > 0) {
    yield* Console.error(`\nWhat was answered is kept. Go on with: ${yield* goingOn(yield* CommandLine, out)}`)
  }
})

const flags = {
  ...Pictures.asked,
  model: Flags.modelAsked,
  adapter: Flags.adapterAsked,
  base: text("base", "DIR", "a directory").pipe(
    Flag.withDescription(
      "The model that --model was trained from: whether reasonings are about their pictures is asked of it (column " +
        "grounded); default: --model without its --adapter, else nobody"
    ),
    Flag.map(directoryOf),
    Flag.optional
  ),
  ...Flags.elsewhere,
  ...Flags.requests,
  ...Flags.frozen,
  out: Flags.out,
  resume: Flags.resume.pipe(Flag.withDescription("Ask only what the evaluation in --out has no answer to yet")),
  seed: Flags.seed,
  device: Flags.device,
  workers: Flags.workers,
  maxTokens: whole("max-tokens", { least: 1, most: 2 ** 20 }).pipe(
    Flag.withDescription("Longest answer, in tokens; default: as rise train has it for such data, 224 for a server's"),
    Flag.optional
  ),
  form,
  samples
}

type Given = Command.Command.Config.Infer<typeof flags> & {
  readonly grammars: boolean
  readonly told: Option.Option<Told>
}

/** How long answers may get: as the paper has it, as the scenes need it, or as `rise train` has it for such data. */
const lengthsOf = Effect.fnUntraced(function*<A>(given: Given, { task, train }: Sources.TaskSource<A, Task<A>>) {
  const parameters = Option.flatMap(given.told, ({ parameters }) => parameters)
  // A server's model that says nothing is of the paper's size: it takes its words, and no grammar.
  if (Option.isSome(given.remote) && Option.isNone(parameters)) return Presets.presets.paper.evaluate
  if (Option.isNone(given.data)) return Presets.presets.full.evaluate
  return (yield* Quarantine.silently(fitted({
    task,
    data: train,
    ...(yield* Sized.sized({ ...given, lora: Option.none() })),
    ...Option.match(parameters, { onNone: () => ({}), onSome: (parameters) => ({ parameters }) })
  }))).evaluate
})

const method = "model"

/**
 * What is reached by the training half's mean annotation for every picture: whoever is not better has learned nothing.
 * None where there is no such mean, or no such half.
 */
const priorOf = Effect.fnUntraced(function*<A>({ mean, task, test, train }: Sources.TaskSource<A, Task<A>>) {
  if (mean === undefined || Option.isNone(yield* Stream.runHead(train))) return []
  const annotation = yield* mean(Stream.map(train, ({ truth }) => truth))
  return yield* evaluateConstant({ task, data: test, method: "prior", annotation })
})

/** Tells of the passes that there will be, for their number and the time left. */
const announce = Effect.fnUntraced(function*<A>(given: Given, { mean, task, test }: Sources.TaskSource<A, Task<A>>) {
  const counted = yield* Quarantine.silently(Stream.runCount(test))
  // An engine is sent no grammar.
  const masked = task.grammar !== undefined && !Engine.trains(given)
  const passes = ["evaluate", ...(masked ? ["evaluate-masked"] : [])]
  const prior = mean === undefined ? [] : [{ stage: nameOf("prior")("evaluate"), counted: 0 }]
  yield* report(
    Event.Planned({ stages: [...prior, ...passes.map((pass) => ({ stage: nameOf(method)(pass), counted }))] })
  )
})

/** Whose answers these are. A server may say what its model was taught; an engine's state is told of by its folder. */
const whoseOf = (given: Given): Effect.Effect<Measured, never, FileSystem.FileSystem | Path.Path> =>
  Effect.map(
    Saved.isTrained(given),
    (taught) => taught ? "taught" : Option.isSome(given.remote) || Engine.trains(given) ? "served" : "untaught"
  )

const measured = Effect.fnUntraced(function*<A>(
  given: Given,
  source: Sources.TaskSource<A, Task<A>> & { readonly notes?: ReadonlyArray<string>; readonly drawn?: boolean },
  bars?: (annotation: A) => Example["bars"]
) {
  const { task } = source
  const settings = yield* lengthsOf(given, source)
  const form = yield* formOf(given)
  const base = yield* baseOf(given, form)
  const notes = [...yield* tellOther(given), ...yield* tellTrainedOn(given, source)]
  const whose = yield* whoseOf(given)
  const longest = Option.match(given.maxTokens, { onNone: () => ({}), onSome: (maxTokens) => ({ maxTokens }) })
  const config = {
    // An engine may move with its states.
    model: Engine.trains(given) ? given.model : named(given),
    // Answers of other weights under the same name are other answers.
    weights: Option.isSome(given.remote) ? null : yield* weightsOf(given),
    adapter: Option.getOrNull(given.adapter),
    base: Option.getOrNull(base),
    source: source.name,
    form,
    quantize: Option.getOrNull(given.quantize),
    ...(given.samples > 1 && { samples: given.samples }),
    ...longest,
    ...Option.match(given.extra, { onNone: () => ({}), onSome: (extra) => ({ extra }) })
  }
  const [metric] = task.metrics ?? []
  const { out, result: { errors, rows } } = yield* working({
    flags: given,
    name: `${task.name}-evaluate`,
    task,
    train: Stream.empty,
    test: source.test,
    config,
    notes,
    read: source.notes,
    measured: whose
  })((out) =>
    Effect.gen(function*() {
      yield* announce(given, source)
      const prior = yield* Quarantine.silently(priorOf(source))
      const rows = yield* evaluateModel({
        method,
        task,
        data: source.test,
        form,
        ...settings,
        ...longest,
        samples: given.samples,
        cuesNamed: source.cuesNamed
      })
      return [...prior, ...rows]
    }).pipe(
      Effect.provide(policy(given)),
      Effect.flatMap((rows) =>
        Option.match(base, {
          onNone: () => Effect.succeed(rows),
          onSome: (model) =>
            Effect.map(
              imageSwap({
                methods: [method],
                task,
                data: source.test,
                witness: policy({ model, seed: given.seed, device: given.device, workers: given.workers })
              }),
              (swapped) => [...rows, ...swapped]
            )
        })
      ),
      Effect.tap(Results.write),
      Effect.tap(() => bars === undefined ? Effect.void : labels({ task, method, bars })),
      Effect.flatMap((rows) => Effect.map(standardErrorsOf(method, metric?.name), (errors) => ({ rows, errors }))),
      Effect.tapError(() => goOn(out))
    )
  )
  const said = Option.flatMap(
    Option.fromUndefinedOr(metric),
    (metric) => verdict(rows, method, metric, whose, errors)
  )
  const sentence = Option.match(said, { onNone: () => "", onSome: ({ sentence }) => `\n\n${sentence}` })
  yield* Console.log(`${printed(rows)}${sentence}\n\nEverything is in ${out}.`)
})

export const evaluate = Command.make(
  "evaluate",
  flags,
  (flagged) =>
    computing(Engine.threads(flagged), "flags")(Effect.gen(function*() {
      const server = yield* asked(flagged)
      yield* check(server)
      yield* outPossible(server)
      const given = yield* told(server)
      const source = yield* Pictures.openAs({ ...given, shots: Option.none() })
      yield* source.kind === "boxes" ? measured(given, source) : measured(given, source, barsOf(source.task))
    }))
).pipe(Command.withDescription("Measure a model on the test half of a data set"))
