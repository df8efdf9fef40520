/**
 * One evaluation for every method: greedy decoding, the task's metrics, valid answers and groundedness, per part.
 *
 * Departs from the paper: it reports also the share of strictly valid answers and, where the cues of a picture are
 * known, how many of the cues that a reasoning names are really there. Figures are of what a policy writes by itself;
 * the task's metrics are given once more for its answers under the format mask, by the names of `masked`: what is lost
 * to faults of format.
 */
import { Array, Effect, Option, Schema, Stream } from "effect"
import * as Answer from "../dsl/Answer.ts"
import * as PlugIn from "../dsl/PlugIn.ts"
import * as Progress from "../dsl/Progress.ts"
import * as Reward from "../dsl/Reward.ts"
import * as Rise from "../dsl/Rise.ts"
import { Run } from "../dsl/Run.ts"
import { grammarOf } from "../dsl/stages/Sampling.ts"
import type { Sample, SetMetric, Task } from "../dsl/Task.ts"
import type { Grammar } from "../kernels/generate/Grammar.ts"
import { warn } from "../kernels/runtime/Warning.ts"
import { Policy } from "../policy/Policy.ts"
import * as Asking from "./Asking.ts"
import { probabilityIn } from "./confidence.ts"
import { predictionsFile, ResultRow } from "./results.ts"

/** An answer, read. */
export interface Given<out A> {
  readonly text: string
  readonly annotation: Option.Option<A>
  /** The annotation with the confidence it was written with, where that is known. */
  readonly ranked?: Option.Option<A>
  readonly reasoning: Option.Option<string>
  readonly verdict: string
  readonly reward: number
  /** Why there is no text: what a server said, or what is wrong with the picture. */
  readonly fault?: string | undefined
}

/** Options of `evaluate`: what is evaluated, and how it is asked. */
export interface EvaluateOptions<A, E, R> {
  /** The row it becomes: "base", "SFT", "Visual-RFT", "RISE", … */
  readonly method: string
  /** The task whose prompts and metrics are used. */
  readonly task: Task<A>
  /** The test samples. Replayable. */
  readonly data: Stream.Stream<Sample<A>, E, R>
  /** Whether the method thinks before it answers. Default "think". */
  readonly form?: Rise.Form
  /** Longest answer, in tokens. Default 224. */
  readonly maxTokens?: number
  /**
   * Default "both": as the policy writes, and the task's metrics once more under its format mask where that can be
   * made. "off" and "mask": only the one or the other.
   */
  readonly grammar?: Rise.GrammarMode | "both"
  /** The cues a text names, for groundedness on samples whose cues are known. */
  readonly cuesNamed?: ((text: string) => Iterable<string>) | undefined
  /** The shots that the method was trained on. Default "full". */
  readonly shots?: string
}

/** Sums over samples, from which every figure of a part follows. */
interface Tally<in A> {
  n: number
  readonly set: SetMetric<A> | undefined
  readonly sums: Map<string, number>
  hits: number
  named: number
  present: number
  explained: number
}

const tally = <A>(task: Task<A>): Tally<A> => ({
  n: 0,
  set: task.setMetric?.(),
  sums: new Map(),
  hits: 0,
  named: 0,
  present: 0,
  explained: 0
})

const rowsOf = <A>(
  part: string,
  { explained, hits, n, named, present, set, sums }: Tally<A>,
  row: Pick<ResultRow, "method" | "shots" | "seed">
): ReadonlyArray<ResultRow> => [
  ...Object.entries(set?.figures() ?? {}).map(([metric, value]) => ({ ...row, part, metric, value, n })),
  ...[...sums].map(([metric, sum]) => ({ ...row, part, metric, value: sum / n, n })),
  ...(explained === 0 ? [] : [
    // Nothing named is nothing false said.
    { ...row, part, metric: "cue precision", value: named === 0 ? 1 : hits / named, n: explained },
    { ...row, part, metric: "cue recall", value: present === 0 ? 1 : hits / present, n: explained }
  ])
]

/** Metrics that every task has beside its own. */
const everyTask = new Set(["valid", "reward", "ranked", "cue precision", "cue recall"])

/** A metric of answers under the format mask. */
export const masked = (metric: string): string => `${metric} masked`

/** One pass over the samples. */
interface Pass {
  /** Names its progress. */
  readonly name: string
  /** Answers that an interrupted evaluation has left. */
  readonly before: number
  /** Whether its answers are written to `predictions.jsonl`. */
  readonly kept: boolean
}

/** Scores given answers: what `evaluate` does with the policy's, and a constant prior can do with its own. */
export const measure = <A, E, R, E2, R2>(
  options: EvaluateOptions<A, E, R>,
  answer: (samples: ReadonlyArray<Sample<A>>) => Effect.Effect<ReadonlyArray<Given<A>>, E2, R2>,
  { before, kept: written, name }: Pass = { name: "evaluate", before: 0, kept: true }
) =>
  Effect.gen(function*() {
    const run = yield* Run
    const { prompts } = yield* Rise.Batching
    const { cuesNamed, method, shots = "full", task } = options
    const stage = `${method}/${name}`
    const total = yield* Stream.runCount(options.data)
    if (total === 0) return yield* new Rise.NothingToTrainOn({ stage, what: "test samples" })
    const kept = before > 0 && { done: Math.min(before, total) }
    yield* Progress.report(Progress.Event.Started({ stage, total, unit: "samples", ...kept }))
    const parts = new Map<string, Tally<A>>()
    /** What the task says of an answer. */
    const scoresOf = ({ given, sample }: { readonly given: Given<A>; readonly sample: Sample<A> }) => ({
      truth: task.encode(sample.truth),
      annotation: Option.match(given.annotation, { onNone: () => null, onSome: task.encode }),
      metrics: Object.fromEntries([
        ...(task.metrics ?? []).map((metric) => [metric.name, metric.of(sample.truth, given.annotation)] as const),
        ["valid", given.verdict === "ok" ? 1 : 0] as const,
        ["reward", given.reward] as const
      ])
    })
    let done = 0
    yield* options.data.pipe(
      Stream.grouped(prompts),
      Stream.mapEffect((samples) =>
        Effect.map(answer(samples), (answers) =>
          samples.flatMap((sample, i) => {
            const given = answers[i]
            return given === undefined ? [] : [{ sample, given }]
          }))
      ),
      Stream.tap((batch) => {
        done += batch.length
        const tokens = batch.reduce((sum, { given }) => sum + given.text.split(/\s+/).length, 0)
        return Progress.report(Progress.Event.Step({ stage, step: done, tokens, figures: {} }))
      }),
      Stream.flattenIterable,
      Stream.mapEffect((one) => PlugIn.run(task, one.sample, () => ({ ...one, ...scoresOf(one) }))),
      Stream.runForEach(({ annotation, given, metrics, sample, truth }) => {
        const named = cuesNamed === undefined || sample.cues === undefined || options.form === "answer"
          ? Option.none()
          : Option.some(new Set(cuesNamed(Option.getOrElse(given.reasoning, () => given.text))))
        for (const part of ["all", ...(sample.part === undefined ? [] : [sample.part])]) {
          const sum = parts.get(part) ?? tally(task)
          parts.set(part, sum)
          sum.n++
          sum.set?.add(sample.truth, given.ranked ?? given.annotation)
          for (const [name, value] of Object.entries(metrics)) sum.sums.set(name, (sum.sums.get(name) ?? 0) + value)
          if (Option.isSome(named)) {
            const present = new Set(sample.cues)
            sum.explained++
            sum.named += named.value.size
            sum.present += present.size
            for (const cue of named.value) if (present.has(cue)) sum.hits++
          }
        }
        return !written ? Effect.void : run.append(predictionsFile, {
          method,
          image: sample.image.id,
          part: sample.part ?? null,
          ...(sample.question === undefined ? {} : { question: sample.question }),
          truth,
          text: given.text,
          annotation,
          reasoning: Option.getOrNull(given.reasoning),
          verdict: given.verdict,
          ...(given.fault === undefined ? {} : { fault: given.fault }),
          metrics
        })
      })
    )
    yield* Progress.report(Progress.Event.Finished({ stage, note: `${done} samples` }))
    return [...parts].flatMap(([part, sum]) => rowsOf(part, sum, { method, shots, seed: run.seed }))
  })

/** Done once per run, method and pass: a resumed run reads the figures back. */
const recorded = <E, R>(method: string, pass: string, effect: Effect.Effect<ReadonlyArray<ResultRow>, E, R>) =>
  Effect.flatMap(Run, (run) => run.within(method).once(pass, Schema.Array(ResultRow), effect))

/**
 * Greedy answers of the policy as it is now, under a grammar or none. Interrupted, it goes on at those that it has not
 * got yet.
 */
const answersOf = Effect.fnUntraced(function*<A, E, R>(
  options: EvaluateOptions<A, E, R>,
  grammar: Grammar | undefined,
  pass: Omit<Pass, "before">
) {
  const { form = "think", maxTokens = 224, task } = options
  const method = grammar === undefined ? options.method : `${options.method} under the mask`
  const policy = yield* Policy
  const session = yield* policy.session
  const spool = yield* (yield* Run).within(options.method).spool(pass.name)
  const asking = yield* Asking.make({ session, sampling: { maxTokens, temperature: 0, grammar }, spool })
  let asked = 0
  let faults = 0
  let cut = 0
  let read = 0
  let unranked = 0
  let first = ""
  const rows = yield* measure(
    options,
    (samples) =>
      Effect.forEach(
        samples,
        (sample) =>
          Effect.map(
            Answer.ask(task, form, sample),
            (prompt) => ({ prompt, key: `evaluate/sample=${sample.image.id}` })
          )
      )
        .pipe(
          Effect.flatMap(asking.ask),
          Effect.flatMap((completions) =>
            Effect.forEach(Array.zip(samples, completions), ([sample, completion]) =>
              PlugIn.run(task, sample, () => {
                const { image, truth } = sample
                asked++
                const { fault } = completion
                if (fault !== undefined && faults++ === 0) {
                  first = Asking.faultOf(image.id, fault)
                }
                const text = Answer.said(form, completion)
                // What a filter has cut off is no answer, though it may read like one.
                const said = Answer.read(task, form, truth, fault === undefined ? text : "")
                if (fault === undefined && completion.finish === "length" && said.verdict !== "ok") {
                  cut++
                }
                const probability = probabilityIn(completion, policy.tokenizer)
                const { rank } = task
                if (rank === undefined || Option.isNone(said.annotation)) return { text, fault, ...said }
                read++
                if (probability === undefined) {
                  unranked++
                  return { text, fault, ...said }
                }
                const ranked = Option.map(
                  said.annotation,
                  (annotation) => rank(annotation, completion.text, probability)
                )
                return { text, fault, ranked, ...said }
              }))
          )
        ),
    { ...pass, before: spool.rows.length }
  )
  yield* asking.answered
  if (faults > 0) {
    const many = `${faults} of ${asked} pictures`
    yield* warn(`${method}: no answer, counted as wrong, for ${many}; the first: ${first}`)
  }
  if (cut > 0) {
    yield* warn(
      `${method}: ${cut} of ${asked} answers were cut off at ${maxTokens} tokens, and count as wrong; a model ` +
        `that thinks at ` +
        `length wants more (maxTokens; for a server --extra '{"max_tokens": 4000}')`
    )
  }
  if (unranked === 0) return rows
  yield* warn(
    `${method}: ${unranked} of ${read} answers came without probabilities of their tokens, so nothing ranks ` +
      `what they say: mAP takes ` +
      `all of it for equally sure; for a server: one that sends logprobs with the text of its tokens`
  )
  return [
    ...rows,
    ...rows.slice(0, 1).map((row): ResultRow => ({ ...row, part: "all", metric: "ranked", value: 1 - unranked / read }))
  ]
}, Effect.scoped)

/** Evaluates the policy as it is now. */
export const evaluate = <A, E, R>(options: EvaluateOptions<A, E, R>) => {
  const { grammar = "both", method } = options
  return Effect.gen(function*() {
    const mask = yield* maskOf(options)
    const first = { name: "evaluate", kept: true }
    const rows = yield* recorded(method, first.name, answersOf(options, grammar === "mask" ? mask : undefined, first))
    if (grammar !== "both" || mask === undefined) return rows
    const second = { name: "evaluate-masked", kept: false }
    const again = yield* recorded(method, second.name, answersOf(options, mask, second))
    return [
      ...rows,
      ...again.flatMap((row) => everyTask.has(row.metric) ? [] : [{ ...row, metric: masked(row.metric) }])
    ]
  })
}

/**
 * The format mask, made before anything is asked: with "both", figures under it are left out where there is none, which
 * is told.
 */
const maskOf = Effect.fnUntraced(
  function*<A, E, R>({ form = "think", grammar = "both", method, task }: EvaluateOptions<A, E, R>) {
    if (grammar !== "both") return yield* grammarOf(task, grammar, form)
    const { tokenizer } = yield* Policy
    if (task.grammar === undefined || Option.isNone(tokenizer)) return undefined
    return yield* Effect.catchTag(
      grammarOf(task, "mask", form),
      "GrammarError",
      (error) => Effect.as(warn(`${method}: figures under the format mask are left out: ${error.message}`), undefined)
    )
  }
)

/** Evaluates one and the same annotation for every sample: the training set's mean is the `prior` row. */
export const evaluateConstant = <A, E, R>(options: EvaluateOptions<A, E, R> & { readonly annotation: A }) =>
  recorded(
    options.method,
    "evaluate",
    measure({ ...options, form: "answer" }, (samples) =>
      Effect.forEach(samples, (sample) =>
        PlugIn.run(options.task, sample, () => ({
          text: options.task.encode(options.annotation),
          annotation: Option.some(options.annotation),
          reasoning: Option.none<string>(),
          verdict: "ok",
          reward: Reward.similarity(options.task, sample.truth, options.annotation)
        }))))
  )
