/**
 * `warmUp`: bootstraps the closed loop on its reconstruction half alone.
 */
import { Effect, Option, Schema, Stream } from "effect"
import * as Keyed from "../../kernels/math/Keyed.ts"
import * as Rules from "../../kernels/math/Rules.ts"
import { Policy, type SupervisedExample } from "../../kernels/policy/Policy.ts"
import * as Question from "../Question.ts"
import * as Reward from "../Reward.ts"
import { RunFileError } from "../RunError.ts"
import { Run } from "../Run.ts"
import * as Batches from "./Batches.ts"
import { advance, type Fault, type Pipeline } from "./Pipeline.ts"
import * as Practice from "./Practice.ts"
import { type Exercise, type PracticeOptions, practising } from "./Practice.ts"
import { Batching, type Drawing, grammarOf, type Masking, narrativeOf, sampleAll } from "./Sampling.ts"
import * as Settings from "./Settings.ts"
import { supervise } from "./Sft.ts"
import type { StageError } from "./StageError.ts"
import * as Train from "./Train.ts"

export interface WarmUpOptions extends Omit<Settings.Optimising, "select">, Drawing {
  /** Share of the training samples that the base explains, in (0, 1]. Default 0.25. Stated beside the results. */
  readonly share?: number
  readonly batchSize?: number
  /**
   * Weight of the base's own reasoning as a target beside its reconstruction, so that learning to reconstruct does not cost
   * it what it can see. Default 0. Needs no labels: the text is the base's own.
   */
  readonly keep?: number
  /** Whether tags and control tokens are kept out of the chains while they are drawn. Default "off". */
  readonly chains?: Masking
  /**
   * Reconstructions of the policy's own along which its format is held. Default: none. Only what is taught can be practised: of what
   * it has no lessons in, a policy learns to end at once, which breaks no format.
   */
  readonly practice?: PracticeOptions
  /** Score the annotation under the task's format mask. Default "off". */
  readonly grammar?: Masking
}

/** What the options may be. */
const warming: Rules.Table = {
  ...Settings.optimising,
  ...Settings.drawing,
  ...practising,
  share: Rules.share("(0, 1]"),
  batchSize: Rules.whole(1),
  keep: Rules.atLeast(0),
  chains: Settings.masking,
  grammar: Settings.masking
}

const Chain = Schema.Struct({ image: Schema.String, reasoning: Schema.String })
const Chains = Schema.Struct({ asked: Schema.Int, usable: Schema.Int })

/**
 * Bootstraps the closed loop without reasoning labels: the base explains a share of the samples in its own words, then only
 * *reconstruction* is trained, image and that reasoning → the training annotation. A chain that leaks is not used.
 *
 * It belongs to no method: all methods of a run start from the same warmed weights, trained by whichever comes first.
 */
export const warmUp = (options: WarmUpOptions = {}) =>
<A, E, R>(
  self: Pipeline<"Sampled", A, E, R>
): Pipeline<"Warmed", A, E | Fault | StageError, R | Policy | Run> => {
  const stage = "warm-up"
  const file = "warm-up.jsonl"
  const { batchSize = 2, keep = 0, maxTokens = 160, share = 0.25, temperature = 1 } = options
  const { task } = self

  const chosen = Stream.unwrap(Effect.map(Run, ({ seed }) =>
    Stream.filter(self.data, (sample) => Keyed.stream(seed, `${stage}/sample=${sample.image.id}`).next() < share)))

  const explain = Effect.scoped(Effect.gen(function*() {
    const run = yield* Run
    const { prompts } = yield* Batching
    const session = yield* (yield* Policy).session
    const leaks = Reward.leak(task)
    const narrative = yield* narrativeOf(task.name, options.chains)
    return yield* chosen.pipe(
      Stream.grouped(prompts),
      Stream.mapEffect((samples) =>
        Effect.forEach(samples, (sample) =>
          Effect.map(Question.ask(task, "reason", sample, task.encode(sample.truth)), (text) => ({
            prompt: { images: [sample.image], text },
            key: `${stage}/sample=${sample.image.id}/reason`
          }))).pipe(
          Effect.flatMap((requests) => sampleAll(session, requests, { count: 1, maxTokens, temperature, grammar: narrative })),
          Effect.map((completions) => samples.map((sample, i) => ({ sample, reasoning: completions[i]?.[0]?.text ?? "" })))
        )
      ),
      Stream.flattenIterable,
      Stream.mapEffect(({ reasoning, sample }) => {
        const usable = Option.isNone(leaks(reasoning, sample.truth)) && Option.isNone(Reward.narrative(reasoning))
        return Effect.as(run.append(file, { image: sample.image.id, reasoning: usable ? reasoning : "" }), usable)
      }),
      Stream.runFold(() => ({ asked: 0, usable: 0 }), (sum, usable) => ({ asked: sum.asked + 1, usable: sum.usable + (usable ? 1 : 0) }))
    )
  }))

  const training = Effect.gen(function*() {
    const run = yield* Run
    const { asked, usable } = yield* run.once("warm-up-chains", Chains, explain)
    yield* run.metric({ stage, step: 0, of: 0, asked, usable, share })
    const grammar = yield* grammarOf(task, options.grammar, "answer")
    const examples = chosen.pipe(
      Stream.zip(Stream.mapEffect(run.rows(file), (row) =>
        Schema.decodeUnknownEffect(Chain)(row).pipe(
          Effect.mapError((cause) => new RunFileError({ path: file, reason: "holds a line that is not a chain", cause }))
        ))),
      Stream.filter(([, { reasoning }]) => reasoning !== ""),
      Stream.mapEffect(([sample, { reasoning }]) =>
        Effect.gen(function*() {
          const images = [sample.image]
          const annotation = task.encode(sample.truth)
          const reconstruct = yield* Question.ask(task, "reconstruct", sample, reasoning)
          const reason = yield* Question.ask(task, "reason", sample, annotation)
          const reconstruction: SupervisedExample = { prompt: { images, text: reconstruct }, target: [{ text: annotation, weight: 1 }], grammar }
          const kept: SupervisedExample = { prompt: { images, text: reason }, target: [{ text: reasoning, weight: keep }] }
          return { reconstruction, examples: keep > 0 ? [reconstruction, kept] : [reconstruction] }
        })
      )
    )
    const practise = yield* Practice.make(task, options.practice)
    yield* Train.train({
      stage,
      settings: options,
      batches: Batches.endless(examples, { seed: run.seed, key: stage, size: batchSize, what: "usable chains of the base" }),
      step: (batch, { key, update }) =>
        Effect.gen(function*() {
          const asked = batch.map(({ reconstruction: { prompt } }, i): Exercise => ({ form: "answer", prompt, key: `${key}/practice/${i}` }))
          return yield* supervise(batch.flatMap(({ examples }) => examples), yield* practise(asked), update)
        })
    })
  })

  const ready: Effect.Effect<void, E | Fault | StageError, R | Policy | Run> = Effect.flatMap(Run, (run) => {
    const shared = run.within("")
    return Effect.andThen(self.ready, Effect.provideService(shared.trained(stage, training), Run, shared))
  })
  return advance(self, { stage: "Warmed", sound: Settings.check(stage, warming, options), ready, items: self.data })
}
