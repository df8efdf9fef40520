/** `rise annotate`: pictures that nobody has labelled, one row each. */
import { Clock, Console, Effect, Option, Schema, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { Event, Progress, report, silent } from "../../dsl/Progress.ts"
import { lengths } from "../../dsl/stages/Settings.ts"
import type { Form } from "../../dsl/Task.ts"
import * as Image from "../../kernels/image/Image.ts"
import { counted } from "../../kernels/image/Listing.ts"
import { Nursery } from "../../kernels/runtime/index.ts"
import { warn } from "../../kernels/runtime/Warning.ts"
import * as CocoIds from "../annotations/CocoIds.ts"
import * as Format from "../annotations/Format.ts"
import * as Kind from "../annotations/Kind.ts"
import * as Outcome from "../annotations/Outcome.ts"
import * as Output from "../annotations/Output.ts"
import * as Overwritten from "../annotations/Overwritten.ts"
import * as Pictures from "../annotations/Pictures.ts"
import * as Sink from "../annotations/Sink.ts"
import { modelName } from "../embedded.ts"
import * as Engine from "../engine/index.ts"
import * as Flags from "../flags.ts"
import * as Futile from "../futile.ts"
import { computing } from "../main.ts"
import { inOwnProcess } from "../ownProcess.ts"
import { asked, check, grammarMode, named, policy, weightsOf } from "../policy.ts"
import * as Saved from "../saved.ts"
import { told } from "../told.ts"
import { form, formOf, samples } from "./form.ts"

const images = Argument.String("image").pipe(
  Argument.withDescription("Pictures, folders, patterns in quotes, or - for a list of names on standard input"),
  Argument.variadic({ min: 1 })
)

const count = (name: string, description: string) =>
  Flag.Int(name).pipe(
    Flag.withSchema(Schema.Int.pipe(Schema.check(Schema.isGreaterThan(0)))),
    Flag.withDescription(description),
    Flag.withMetavar("N")
  )

/** Of `--batch`. */
const together = 32

const flags = {
  ...Kind.flags,
  model: Flags.modelAsked,
  adapter: Flags.adapterAsked,
  ...Flags.elsewhere,
  ...Flags.requests,
  ...Flags.frozen,
  seed: Flags.seed,
  device: Flags.device,
  workers: Flags.workers,
  form,
  ...Format.flags,
  recursive: Flag.Boolean("recursive").pipe(
    Flag.withDescription("Look into folders inside of folders"),
    Flag.withDefault(false)
  ),
  limit: count("limit", "Annotate only the first N pictures; default: all").pipe(Flag.optional),
  maxTokens: count("max-tokens", `Longest answer, in tokens; default: ${lengths.thinkAnswer}`).pipe(
    Flag.withDefault(lengths.thinkAnswer)
  ),
  batch: count("batch", `Pictures computed together, fewer: answers come sooner; default: ${together}`)
    .pipe(Flag.withDefault(together)),
  samples,
  strict: Flag.Boolean("strict").pipe(
    Flag.withDescription("End with 4 where a picture could not be annotated"),
    Flag.withDefault(false)
  ),
  images
}

type Flagged = Command.Command.Config.Infer<typeof flags>

/** The flags, with the form that is asked for. */
type Given = Omit<Flagged, "form"> & { readonly form: Form; readonly grammars: boolean }

/** What answers are made with: files go on only under the same. */
const identityOf = Effect.fnUntraced(function*(given: Given, kind: Kind.Kind) {
  const remote = Option.isSome(given.remote)
  return {
    ...(yield* kind.identity),
    question: Option.getOrNull(given.question),
    // A model here is known by its files, wherever it lies; without --out nobody asks for them.
    model: remote ? named(given) : null,
    weights: remote || Option.isNone(given.out) ? null : yield* weightsOf(given),
    quantize: Option.getOrNull(given.quantize),
    form: given.form,
    grammar: grammarMode(given),
    maxTokens: given.maxTokens,
    ...(given.samples === 1 ? {} : { samples: given.samples, seed: given.seed }),
    ...(remote
      ? { seed: given.seed, extra: Option.getOrNull(given.extra) }
      : Engine.trains(given)
      ? { engine: "tinker" }
      : { batch: given.batch, device: given.device })
  }
})

/** Seconds without a row after which it is told who is waited for. */
const silence = 10

/** Tells once whom a counter that stands still waits for. */
const tellWaiting = (given: Given, heard: () => boolean) =>
  Effect.andThen(
    Effect.sleep(`${silence} seconds`),
    Effect.suspend(() =>
      heard() ? Effect.void : warn(`no annotation yet after ${silence} s: waiting for ${Saved.modelOf(given)}`)
    )
  )

/** Asks for the rows that a sink lacks, and tells how it goes. */
const ask = Effect.fnUntraced(function*(given: Given, kind: Kind.Kind, sink: Sink.Sink) {
  const { batch, form, maxTokens, question, samples } = given
  const { before, keep, names, skip } = sink
  let outcome: Outcome.Outcome = { ...Outcome.none, ...before }
  if (names.length === skip) return outcome
  const stage = "annotate"
  const began = yield* Clock.currentTimeMillis
  yield* report(Event.Planned({ stages: [{ stage, counted: names.length }] }))
  yield* report(Event.Started({ stage, total: names.length, unit: "images", done: skip }))
  let done = skip
  if (Option.isSome(given.remote) || Engine.trains(given)) {
    yield* Effect.forkScoped(tellWaiting(given, () => done > skip))
  }
  yield* Stream.fromIterable(names).pipe(
    Stream.map((name) => Image.file(name)),
    kind.rows({
      form,
      grammar: grammarMode(given),
      maxTokens,
      batch,
      samples,
      skip,
      ...Option.match(question, { onNone: () => ({}), onSome: (question) => ({ question }) })
    }),
    Stream.runForEachArray(Effect.fnUntraced(function*(rows) {
      yield* keep(rows)
      outcome = rows.reduce(Outcome.add, outcome)
      done += rows.length
      const seconds = ((yield* Clock.currentTimeMillis) - began) / 1000
      yield* report(Event.Step({ stage, step: done, tokens: 0, figures: { "images/s": (done - skip) / seconds } }))
    })),
    Effect.provide(policy(given))
  )
  yield* report(Event.Finished({ stage, note: "" }))
  return outcome
})

const run = Effect.fnUntraced(function*(flagged: Flagged) {
  const server = yield* asked(flagged)
  yield* check(server)
  const there = Option.isSome(server.remote) || Engine.trains(server)
  yield* Futile.refuse(
    { "--batch": there && server.batch !== together },
    (flag) => `${flag} is for a model on this machine: servers are asked picture by picture, leave it out`
  )
  const known = yield* told(server)
  const given = { ...known, form: yield* formOf(known) }
  yield* inOwnProcess(Nursery.keep)
  const kind = yield* Kind.kind(given)
  const format = yield* Format.formatOf(given, kind.shape)
  const found = yield* Pictures.find(given.images, given)
  yield* Effect.forEach(found.notes, (note) => Console.error(note))
  const names = Option.match(given.limit, { onNone: () => found.names, onSome: (n) => found.names.slice(0, n) })
  if (names.length === 0) return yield* Outcome.tell(Outcome.none, given)
  yield* Effect.forEach(Option.toArray(given.out), (out) =>
    Overwritten.refuse("--out", Output.filesOf(out), [
      ...names,
      ...Option.toArray(given.cocoIds),
      ...Option.toArray(given.adapter),
      given.model
    ]))
  const ids = yield* Effect.transposeOption(
    Option.map(given.cocoIds, (file) => CocoIds.read(file, names, kind.shape))
  )
  const sink = yield* Sink.open({
    out: given.out,
    ...Option.match(ids, { onNone: () => ({}), onSome: (ids) => ({ ids }) }),
    names,
    format,
    shape: kind.shape,
    identity: yield* identityOf(given, kind),
    overwrite: given.overwrite,
    model: named({ ...given, model: modelName(given.model) }),
    urlPrefix: given.urlPrefix
  })
  const goOn = Option.match(given.out, {
    onNone: () => Effect.void,
    onSome: (out) => Console.error(`\nWhat was answered is kept in ${out}: the same command goes on behind it.`)
  })
  const outcome = yield* ask(given, kind, sink).pipe(
    Effect.onInterrupt(() => goOn),
    Effect.tapError(() => goOn)
  )
  yield* sink.finish
  if (Option.isSome(given.out)) {
    const there = sink.before.n === 0 ? "" : `, ${sink.before.n} of them before`
    yield* Console.error(
      `${given.out.value}: ${counted(outcome.n, "picture")}${there}, ${outcome.n - outcome.failed} annotated`
    )
  }
  yield* Outcome.tell(outcome, given)
})

/** Rows on a terminal leave no line for progress to be redrawn on. */
const quiet = ({ out }: Flagged) => Option.isNone(out) && process.stdout.isTTY

export const annotate = Command.make("annotate", flags, (given) =>
  computing(Engine.threads(given))(
    Effect.scoped(quiet(given) ? Effect.provideService(run(given), Progress, silent) : run(given))
  )).pipe(
    Command.withDescription("Annotate pictures and say why, one row each"),
    Command.withExamples([
      { command: "rise annotate picture.png", description: "One picture, on standard output" },
      {
        command: "rise annotate photos --recursive --model runs/mine/model --out photos.csv",
        description: "A folder into a file; the same command goes on where it was cut off"
      },
      { command: "find . -name '*.jpg' -print0 | rise annotate - --out all.jsonl", description: "A list of names" },
      {
        command: "rise annotate photos --task coco-sub --out boxes.json --format coco",
        description: "Boxes for an annotation tool"
      }
    ])
  )
