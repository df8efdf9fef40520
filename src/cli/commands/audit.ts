/**
 * `rise audit`: ranks a data set's samples by how suspect their labels are.
 */
import { Console, Effect, Option, Path, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import { Corruption } from "../../data/index.ts"
import * as Plain from "../../dsl/Plain.ts"
import * as Quarantine from "../../dsl/Quarantine.ts"
import { warn } from "../../kernels/runtime/Warning.ts"
import { Presets } from "../../pipelines/index.ts"
import { Audit, barsOf, type Example } from "../../studies/index.ts"
import * as Format from "../annotations/Format.ts"
import type { Shape, Size, Value } from "../annotations/Row.ts"
import * as Suspects from "../annotations/Suspects.ts"
import * as Values from "../annotations/Values.ts"
import { tellOther } from "../difficulty.ts"
import { isEmbedded, modelName } from "../embedded.ts"
import * as Flags from "../flags.ts"
import * as Futile from "../futile.ts"
import { computing } from "../main.ts"
import * as Pictures from "../pictures.ts"
import { asked, check, named, policy } from "../policy.ts"
import * as Saved from "../saved.ts"
import { tellAudited } from "../tellAudited.ts"
import { tellTaught } from "../tellTaught.ts"
import { type Told, told } from "../told.ts"
import type { Opened } from "../Training.ts"
import { share, whole } from "../values.ts"
import { outPossible, working } from "../working.ts"

const corrupt = share("corrupt").pipe(
  Flag.withDescription(
    "Replace this share of the labels by others first, and measure how well the audit finds them; default: none"
  ),
  Flag.optional
)

const by = Flag.Literals("by", Audit.rankings).pipe(
  Flag.withDescription(
    "best or mean: by the reward of the best chain or of all; similarity, metric: by how near the " +
      "reconstructions are to the label; default: metric"
  ),
  Flag.withDefault("metric" as const)
)

const training = Flag.Literals("training", ["none", "warm-up", "RISE-CoT"]).pipe(
  Flag.withDescription(
    "How the judging model is prepared on the half of the data that it does not judge; default: warm-up, none " +
      "with --remote"
  ),
  Flag.optional
)

const top = whole("top", { least: 1 }).pipe(
  Flag.withDescription("Suspects to write down; default: 200"),
  Flag.withDefault(200)
)

const format = Flag.Literals("format", ["label-studio"]).pipe(
  Flag.withDescription(
    "Write the suspects as pre-annotations, too: suspects.label-studio.json, and the project's set-up beside it; " +
      "default: none"
  ),
  Flag.optional
)

const { device, lora, model, out, preset, resume, seed, trainable, workers } = Flags.study

const flags = {
  ...Pictures.asked,
  ...Flags.remote,
  by,
  corrupt,
  device,
  format,
  lora,
  model,
  out,
  preset,
  resume,
  seed,
  top,
  trainable,
  training,
  urlPrefix: Format.flags.urlPrefix,
  workers,
  ...Flags.checkpoints,
  ...Flags.frozen,
  ...Flags.memory
}

type Given = Command.Command.Config.Infer<typeof flags> & {
  readonly grammars: boolean
  readonly told: Option.Option<Told>
}

/** Refuses flags of a training that there is not. */
const ofTraining = ({ remote, training, ...given }: Omit<Given, "told">): Effect.Effect<void, Futile.FlagError> => {
  const trained = Option.exists(training, (training) => training !== "none")
  if (Option.isSome(remote)) {
    return Futile.refuse(
      { "--training": trained },
      (flag) => `${flag} is for a model directory: one behind --remote cannot be trained`
    )
  }
  return Option.isNone(training) || trained ? Effect.void : Futile.refuse(
    {
      "--trainable": given.trainable,
      // Weights are rounded under an adapter alone, also where it learns nothing.
      "--lora": Option.isNone(given.quantize) && Option.isSome(given.lora),
      "--recompute": given.recompute,
      "--micro-tokens": given.microTokens,
      "--checkpoint-steps": given.checkpointSteps,
      "--checkpoint-minutes": given.checkpointMinutes
    },
    (flag) => `${flag} is for training, and --training is none: leave one of them out`
  )
}

/** The settings of the closed loop and its training. */
const settingsOf = (given: Given, kind: "boxes" | "classes") => {
  // Boxes take longer answers.
  const local = Flags.settings({ ...given, noWarmUp: false }, kind === "boxes" ? "coco-sub" : undefined)
  // A server's model that says nothing takes the paper's words, and no grammar.
  return Option.isSome(given.remote) && Option.isNone(given.told)
    ? { ...local, generate: Presets.paper.generate, reconstruct: Presets.paper.reconstruct }
    : local
}

/** How annotations are shown. */
interface Shown<A> {
  readonly bars: (annotation: A) => Example["bars"]
  readonly shape: Shape
  readonly value: (annotation: A, size: Size) => Value
}

/** What the page says of who judges. */
const judged = {
  none: "the model as it is",
  "warm-up": "the model, warmed up on the half that it does not judge",
  "RISE-CoT": "the model, trained by RISE-CoT on the half that it does not judge"
} as const

/** What the page says of the order; a task without a metric has its similarity. */
const ranked = (by: Audit.Ranking, metric = "similarity"): string =>
  ({
    metric: `mean ${metric} of what was rebuilt`,
    similarity: "mean similarity of what was rebuilt",
    mean: "mean reward of the chains",
    best: "reward of the best chain"
  })[by]

const suspectsFile = "suspects.label-studio.json"

const audited = Effect.fnUntraced(function*<A>(given: Given, source: Opened<A>, { bars, shape, value }: Shown<A>) {
  const { join } = yield* Path.Path
  const { task } = source
  const preset = settingsOf(given, source.kind)
  const limit = preset.limit?.train
  const clean = limit === undefined ? source.train : Stream.take(source.train, limit)
  const differ = (own: A, other: A) => task.encode(own) !== task.encode(other)
  const corrupted = yield* Effect.transposeOption(
    Option.map(
      given.corrupt,
      (share) => Quarantine.silently(Corruption.corrupt({ share, seed: given.seed, differ })(clean))
    )
  )
  const data = Option.match(corrupted, {
    onNone: () => clean,
    onSome: ({ data }) => data
  })
  const training = Option.getOrElse(
    given.training,
    () => Option.isSome(given.remote) || preset.warmUp === undefined ? "none" as const : "warm-up" as const
  )
  yield* tellOther(given)
  const taught = yield* Saved.isTrained(given)
  yield* tellAudited(source, preset)
  if (taught) yield* tellTaught({ ...given, training }, clean)
  const config = {
    model: named(given),
    source: source.name,
    training,
    corrupt: Option.getOrNull(given.corrupt),
    preset: preset.name,
    settings: Plain.settings(preset),
    ...Flags.adapted(given)
  }
  const { out, result: { doubts, judge, rows, suspects, unanswered } } = yield* working({
    flags: given,
    name: `${task.name}-audit`,
    task,
    train: data,
    test: Stream.empty,
    config,
    // Its page is audit.html.
    reported: false
  })((out) =>
    Audit.study({
      task,
      data,
      preset,
      policy: policy(given, preset),
      training,
      out,
      seed: given.seed,
      by: given.by,
      model: Option.isSome(given.remote) ? "served" : taught ? "taught" : "untaught",
      top: given.top,
      embedded: Option.isNone(given.remote) && isEmbedded(given),
      wrong: Option.map(corrupted, ({ ids }) => ids),
      bars,
      facts: [
        ["data", source.name],
        ["model", Option.isSome(given.remote) ? named(given) : modelName(given.model)],
        ["judge", judged[training]],
        ["ranked by", ranked(given.by, task.metrics?.[0]?.name)],
        ["settings", preset.name],
        ["seed", String(given.seed)]
      ]
    }).pipe(
      Effect.tap(({ suspects }) =>
        Option.isNone(given.format) ? Effect.void : Quarantine.silently(
          Suspects.write({
            path: join(out, suspectsFile),
            task,
            shape,
            value,
            data,
            suspects,
            prefix: given.urlPrefix
          })
        )
      )
    )
  )
  for (const { metric, value } of rows) yield* Console.log(`${metric.padEnd(22)}${value.toFixed(3)}`)
  yield* Console.log("")
  const suspected = suspects.filter(({ agrees }) => !agrees)
  for (const { image, label, rank, reason } of suspected.slice(0, 5)) {
    yield* Console.log(`${rank}. ${image}  label: ${label}\n   ${reason}`)
  }
  if (suspects.length === 0) yield* Console.log("No label could be judged.")
  else if (suspected.length === 0) {
    yield* Console.log(
      `No label is suspect: all reconstructions of ${
        suspects.length === 1 ? "the one" : `the ${suspects.length}`
      } ranked agree with it.`
    )
  } else if (suspected.length < suspects.length) {
    const others = suspects.length - suspected.length
    yield* Console.log(
      `${others} of the ${suspects.length} ranked ${
        others === 1 ? "is no suspect: all its" : "are no suspects: all their"
      } ` +
        "reconstructions agree with the label."
    )
  }
  yield* Console.log(
    `\nEverything is in ${out} (suspects.jsonl, audit.html, audit.jsonl of each part${
      Option.isSome(given.format) ? `, ${suspectsFile}` : ""
    }).`
  )
  for (const doubt of doubts) yield* warn(doubt)
  if (unanswered.count > 0) yield* warn(Audit.silence(unanswered, judge))
})

export const audit = Command.make("audit", flags, (flagged) =>
  computing(flagged)(Effect.gen(function*() {
    const server = yield* asked(flagged)
    yield* check(server)
    yield* ofTraining(server)
    yield* outPossible(server)
    yield* Format.checkPrefix(server.urlPrefix, server.format)
    const given = yield* told(server)
    // All that is labelled is to be audited: where the data have no test half, none is held out.
    const source = yield* Pictures.openAs({ ...given, shots: Option.none() }, {
      hold: false,
      instead: "leave --labels out to audit labels of the task that it was trained for"
    })
    if (source.kind === "boxes") {
      const shape: Shape = { kind: "boxes", labels: source.task.codec.labels ?? Values.unnamed }
      return yield* audited(given, source, { bars: () => [], shape, value: Values.boxes(Values.inThousandths) })
    }
    const shape: Shape = { kind: "shares", labels: source.task.labels }
    yield* audited(given, source, { bars: barsOf(source.task), shape, value: Values.shares(source.task) })
  }))).pipe(Command.withDescription("Rank the samples of a data set by how suspect their labels are"))
