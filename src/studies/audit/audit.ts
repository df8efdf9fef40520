/**
 * Audit: which labels of a data set does the closed loop not come back to?
 *
 * RISE-CoT asks for a chain that explains the given label and rebuilds the label from picture and chain alone. A label
 * that fits the picture is rebuilt; a wrong one is not, because a chain must not quote it and the picture says
 * otherwise. The paper claims this use of the reward and does not show it; here every sample is scored, ranked, and
 * shown with what was rebuilt instead.
 *
 * The policy that judges a sample has never been trained on its label: the data is cut in two by a keyed draw, and each
 * half is judged by a policy that was warmed (and, if asked, trained by RISE-CoT) on the other. A policy that had seen
 * a wrong label might have learned it by heart.
 */
import { Effect, Layer, Path, Schema, Stream } from "effect"
import * as Quoted from "../../data/Quoted.ts"
import * as Dataset from "../../dsl/Dataset.ts"
import * as Fingerprint from "../../dsl/Fingerprint.ts"
import * as Plain from "../../dsl/Plain.ts"
import * as PlugIn from "../../dsl/PlugIn.ts"
import * as Progress from "../../dsl/Progress.ts"
import { duration } from "../../dsl/progress/words.ts"
import * as Quarantine from "../../dsl/Quarantine.ts"
import * as Rise from "../../dsl/Rise.ts"
import { named, Run } from "../../dsl/Run.ts"
import * as Able from "../../dsl/stages/Able.ts"
import { ahead, type Planned } from "../../dsl/stages/Ahead.ts"
import * as Passing from "../../dsl/stages/Passing.ts"
import { filledStage } from "../../dsl/stages/Settings.ts"
import type { Sample, Task } from "../../dsl/Task.ts"
import { Tokens } from "../../dsl/Usage.ts"
import { isTried, type Preset } from "../../pipelines/Presets.ts"
import { warmUp } from "../../pipelines/warmUp.ts"
import type { Policy } from "../../policy/Policy.ts"
import { lines } from "../artefacts.ts"
import { bothWays } from "./bothWays.ts"
import { score, Scored } from "./Scored.ts"

/** Name of the file of scores. */
export const auditFile = "audit.jsonl"

/** Options of `audit`: what is audited, and by what policy. */
export interface AuditOptions<A, E, R, EP, RP> {
  /** The task of the labels. */
  readonly task: Task<A>
  /** The samples to audit. Replayable. */
  readonly data: Stream.Stream<Sample<A>, E, R>
  /** Settings of the closed loop and of its training. */
  readonly preset:
    & Pick<Preset, "generate" | "reconstruct" | "reinforce" | "validate" | "warmUp">
    & Partial<Pick<Preset, "name">>
  /** Built anew for each half. */
  readonly policy: Layer.Layer<Policy, EP, RP>
  /**
   * How the judging policies are prepared: not at all (one pass over everything), or on the half that they do not
   * judge.
   */
  readonly training: "none" | "warm-up" | "RISE-CoT"
  /** Whether the policy is the embedded checkpoint, whose pace is known before it begins. Default false. */
  readonly embedded?: boolean
  /** A folder for each half, with its checkpoints, lies here. */
  readonly out: string
  /** Keys the cut in two, and every draw. */
  readonly seed: number
}

/** A part of the data, and what its judge is trained on. */
interface Fold<A, E, R> {
  readonly name: string
  readonly judged: Stream.Stream<Sample<A>, E, R>
  readonly trained: Stream.Stream<Sample<A>, E, R>
}

const foldsOf = <A, E, R, EP, RP>(
  { data, seed, training }: AuditOptions<A, E, R, EP, RP>
): ReadonlyArray<Fold<A, E | Dataset.DataError, R>> => {
  if (training === "none") return [{ name: "all", judged: data, trained: Stream.empty }]
  const { train: first, validation: second } = Dataset.split({ share: 0.5, seed })(data)
  return [{ name: "half-1", judged: first, trained: second }, { name: "half-2", judged: second, trained: first }]
}

/** Each half explains twice the share: as many samples as one that is warmed on everything. */
const doubled = ({ warmUp }: Pick<Preset, "warmUp">) =>
  warmUp === undefined ? {} : { warmUp: { ...warmUp, share: Math.min(1, 2 * filledStage(warmUp).share) } }

/** What prepares the judge of a part, nothing where it is asked as it is, and what judges. */
const pipelines = <A, E, R, EP, RP>(
  { preset, task, training }: AuditOptions<A, E, R, EP, RP>,
  { judged, trained }: Fold<A, E, R>
) => {
  const start = warmUp(task, trained, { validation: 0, ...doubled(preset) })
  const loop = <S extends "Sampled" | "Warmed">(
    from: Rise.Pipeline<S, A, E | Rise.Fault | Rise.StageError, R | Policy | Run>
  ) => from.pipe(Rise.generate(preset.generate), Rise.reconstruct(preset.reconstruct), Rise.validate(preset.validate))
  // The halves are for judging: no part of them is held out to select on.
  const { select: _, ...reinforce } = preset.reinforce
  const trains = training === "none"
    ? []
    : [training === "warm-up" ? start : loop(start).pipe(Rise.reinforce(reinforce))]
  return { trains, judging: loop(Rise.make(bothWays(task), judged)) }
}

/** Names the stages of a part, of which there may be two that go through the same. */
const naming = ({ training }: Pick<AuditOptions<never, never, never, never, never>, "training">, part: string) =>
  training === "none" ? (stage: string) => stage : named(part)

/** Tells the view of all stages of all parts. */
const announce = <A, E, R, EP, RP>(
  options: AuditOptions<A, E, R, EP, RP>,
  folds: ReadonlyArray<Fold<A, E, R>>
) =>
  Effect.gen(function*() {
    const all = yield* Stream.runCount(options.data)
    // What the others do not judge is the last one's: a half reads the data twice.
    const counts = yield* Effect.forEach(folds.slice(0, -1), ({ judged }) => Stream.runCount(judged))
    const last = all - counts.reduce((sum, count) => sum + count, 0)
    const stages = folds.flatMap((fold, i) => {
      const { judging, trains } = pipelines(options, fold)
      const own = naming(options, fold.name)
      const of = (planned: ReadonlyArray<Planned>, data: number) =>
        ahead(planned, { data, validation: 0 }, (stage) => stage)
      const { reading } = judging
      const judged = counts[i] ?? last
      // A judge is trained on what it does not judge.
      return [
        ...of(trains.flatMap(({ plan }) => plan), all - judged),
        ...of(reading === undefined ? [] : [reading], judged)
      ].map(({ counted, stage }) => ({ counted, stage: own(stage) }))
    })
    const { candidates } = filledStage(options.preset.generate)
    const seconds = stages.reduce((sum, { counted }) => sum + counted, 0)
    const time = options.embedded === true
      ? `${seconds < 10 ? "some seconds" : `about ${duration(seconds)}`} with the embedded model on two idle cores`
      : "how long they take is told with their first steps"
    const many = `${Quoted.count(all, "label")}, ${Quoted.count(candidates, "reasoning")} each, in ${
      Quoted.count(stages.length, "stage")
    }`
    yield* Progress.report(Progress.Event.Planned({ stages }))
    yield* Progress.report(Progress.Event.Began({ text: `to do: ${many}: ${time}` }))
  })

/** Reports the stages of a part by their own names. */
const namedBy = (own: (stage: string) => string) => (view: Progress.View): Progress.View => ({
  report: (event) => view.report("stage" in event ? { ...event, stage: own(event.stage) } : event)
})

/** Trains the judge of a part and writes a line for each sample of it, once. */
const judge = <A, E, R, EP, RP>(options: AuditOptions<A, E, R, EP, RP>, fold: Fold<A, E, R>) =>
  Effect.gen(function*() {
    const { preset, task } = options
    const run = yield* Run
    const scoreOf = score(task)
    const { judging, trains } = pipelines(options, fold)
    // What the judge cannot do is said before it is trained.
    for (const { described } of [...trains, judging]) yield* Able.check(task, described, { tried: isTried(preset) })
    for (const { ready } of trains) yield* ready
    yield* run.once(
      "audit",
      Schema.Int,
      Passing.fold({
        stage: "audit",
        items: judging.items,
        codec: Schema.Int,
        initial: 0,
        each: (count, group) =>
          PlugIn.run(task, group.sample, () => scoreOf(group)).pipe(
            Effect.flatMap((scored) => run.append(auditFile, scored)),
            Effect.as(count + 1)
          )
      })
    )
  })

/** Scores every sample, in the folders of its parts; returns the scores as a replayable stream, part after part. */
export const audit = Effect.fn("rise.audit")(function*<A, E, R, EP, RP>(options: AuditOptions<A, E, R, EP, RP>) {
  const path = yield* Path.Path
  const { out, policy, preset, seed, task, training } = options
  const folds = foldsOf(options)
  const { generate, reconstruct, reinforce, validate, warmUp } = preset
  const settings = Plain.settings({ generate, reconstruct, reinforce, validate, warmUp })
  const prompts = yield* Fingerprint.prompts(task)
  yield* Quarantine.silently(announce(options, folds))
  const view = yield* Progress.Progress
  const counted = yield* Tokens
  for (const fold of folds) {
    // Scores of other labels, or of a judge that was trained in another way, are not taken for these.
    const data = yield* Fingerprint.data(task, fold.judged)
    const own = naming(options, fold.name)
    const identity = { part: fold.name, task: task.name, prompts, data, training, settings }
    yield* judge(options, fold).pipe(
      Effect.provideService(Progress.Progress, namedBy(own)(view)),
      // What the view has counted, under the names that it knows; the pass of judging reports itself as explaining.
      Effect.provideService(Tokens, (stage) => counted(own(stage === "audit" ? "explain" : stage))),
      Effect.provide([
        Layer.fresh(policy),
        Run.layer({ path: path.join(out, fold.name), seed, resume: true, identity })
      ])
    )
  }
  return Stream.fromIterable(folds).pipe(Stream.flatMap(({ name }) => lines(path.join(out, name, auditFile), Scored)))
})

/** The scores of each part by itself, of an audit that has ended: what one judge has said. */
export const byJudge = Effect.fnUntraced(function*<A, E, R, EP, RP>(options: AuditOptions<A, E, R, EP, RP>) {
  const path = yield* Path.Path
  return foldsOf(options).map(({ name }) => ({
    name,
    scores: lines(path.join(options.out, name, auditFile), Scored)
  }))
})
