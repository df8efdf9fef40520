/**
 * `rise audit`: ranks a data set's samples by how suspect their labels are.
 */
import { Console, Effect, Option, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import { Corruption } from "../../data/index.ts"
import * as Quarantine from "../../dsl/Quarantine.ts"
import { Presets } from "../../pipelines/index.ts"
import * as Sources from "../../sources/index.ts"
import { Audit, barsOf } from "../../studies/index.ts"
import * as Flags from "../flags.ts"
import * as Futile from "../futile.ts"
import { computing } from "../main.ts"
import { check, named, policy } from "../policy.ts"
import * as Task from "../task.ts"
import { share, whole } from "../values.ts"
import { working } from "../working.ts"

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

const { data, device, lora, model, out, preset, resume, seed, trainable, workers } = Flags.study

export const audit = Command.make("audit", {
  ...Task.flags,
  ...Flags.remote,
  by,
  corrupt,
  data,
  device,
  lora,
  model,
  out,
  preset,
  resume,
  seed,
  top,
  trainable,
  training,
  workers,
  ...Flags.frozen,
  ...Flags.memory
}, (flags) =>
  computing(flags)(Effect.gen(function*() {
    yield* check(flags)
    yield* Futile.subject(flags)
    const trained = Option.exists(flags.training, (training) => training !== "none")
    yield* Option.isSome(flags.remote)
      ? Futile.refuse(
        { "--training": trained },
        (flag) => `${flag} is for a model directory: one behind --remote cannot be trained`
      )
      : Option.isSome(flags.training) && !trained
      ? Futile.refuse(
        { "--trainable": flags.trainable, "--recompute": flags.recompute, "--micro-tokens": flags.microTokens },
        (flag) => `${flag} is for training, and --training is none: leave one of them out`
      )
      : Effect.void
    const task = yield* Task.task(flags)
    const local = Flags.settings({ ...flags, noWarmUp: false })
    // A server's model takes the paper's words, and no grammar.
    const preset = Option.isSome(flags.remote)
      ? { ...local, generate: Presets.paper.generate, reconstruct: Presets.paper.reconstruct }
      : local
    const source = yield* Sources.softLabels({ task, ...flags, shots: Option.none() })
    const limit = preset.limit?.train
    const clean = limit === undefined ? source.train : Stream.take(source.train, limit)
    const differ = (own: ReadonlyArray<number>, other: ReadonlyArray<number>) => task.encode(own) !== task.encode(other)
    const corrupted = yield* Effect.transposeOption(Option.map(flags.corrupt, (share) =>
      Quarantine.silently(Corruption.corrupt({ share, seed: flags.seed, differ })(clean))))
    const audited = Option.match(corrupted, {
      onNone: () =>
        clean,
      onSome: ({ data }) => data
    })
    const training = Option.getOrElse(
      flags.training,
      () => Option.isSome(flags.remote) || preset.warmUp === undefined ? "none" as const : "warm-up" as const
    )
    const config = {
      model: named(flags),
      source: source.name,
      training,
      corrupt: Option.getOrNull(flags.corrupt),
      preset: preset.name,
      settings: JSON.parse(JSON.stringify(preset)),
      ...Flags.adapted(flags)
    }
    const { out, result: { rows, suspects } } = yield* working({
      flags,
      name: `${task.name}-audit`,
      task,
      train: audited,
      test: Stream.empty,
      config
    })((out) =>
      Audit.study({
        task,
        data: audited,
        preset,
        policy: policy(flags, preset),
        training,
        out,
        seed: flags.seed,
        by: flags.by,
        top: flags.top,
        wrong: Option.map(corrupted, ({ ids }) => ids),
        bars: barsOf(task),
        facts: [["data", source.name], ["seed", String(flags.seed)], ["preset", preset.name], ["judge", training], [
          "ranked by",
          flags.by
        ]]
      })
    )
    for (const { metric, value } of rows) yield* Console.log(`${metric.padEnd(22)}${value.toFixed(3)}`)
    yield* Console.log("")
    for (const { image, label, rank, reason } of suspects.slice(0, 5)) {
      yield* Console.log(`${rank}. ${image}  label: ${label}\n   ${reason}`)
    }
    yield* Console.log(`\nEverything is in ${out} (suspects.jsonl, audit.html, audit.jsonl of each part).`)
  }))).pipe(Command.withDescription("Rank the samples of a data set by how suspect their labels are"))
