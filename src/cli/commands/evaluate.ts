/** `rise evaluate`: a model on the test half of a data set. */
import { Console, Effect, FileSystem, Option, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import * as Spool from "../../dsl/Spool.ts"
import { evaluate as evaluateModel, Results } from "../../evaluation/index.ts"
import { Presets } from "../../pipelines/index.ts"
import * as Sources from "../../sources/index.ts"
import * as Flags from "../flags.ts"
import * as Futile from "../futile.ts"
import { computing } from "../main.ts"
import { check, named, policy, weightsOf } from "../policy.ts"
import { printed } from "../study.ts"
import * as Task from "../task.ts"
import { working } from "../working.ts"
import { form } from "./form.ts"

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
    yield* Futile.subject(flags)
    const task = yield* Task.task(flags)
    const source = yield* Sources.softLabels({ task, ...flags, shots: Option.none() })
    // A server's model is of the paper's size: it takes its words, and no grammar.
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
