/**
 * One evaluation for every method: greedy decoding (or several draws that are combined), the task's metrics, valid
 * answers and groundedness, per part.
 *
 * Departs from the paper: it reports also the share of strictly valid answers and, where the cues of a picture are
 * known, how many of the cues that a reasoning names are really there. Figures are of what a policy writes by itself;
 * the task's metrics are given once more for its answers under the grammar, by the names of `masked`: what is lost
 * to faults of format.
 */
import { Array, Effect, Option, Result, Schema } from "effect"
import * as Answer from "../dsl/Answer.ts"
import * as PolicyGrammar from "../dsl/grammar/PolicyGrammar.ts"
import * as Judgments from "../dsl/Judgments.ts"
import { Means, told } from "../dsl/Means.ts"
import * as PlugIn from "../dsl/PlugIn.ts"
import * as Provided from "../dsl/Provided.ts"
import * as Reward from "../dsl/Reward.ts"
import { Run } from "../dsl/Run.ts"
import { checkMask } from "../dsl/stages/Futile.ts"
import { lengths } from "../dsl/stages/Settings.ts"
import { commonMetrics, type Sample, type Task } from "../dsl/Task.ts"
import { Distance, type Grammar } from "../kernels/generate/index.ts"
import { warn } from "../kernels/runtime/Warning.ts"
import { type Completion, Policy } from "../policy/Policy.ts"
import * as Asking from "./Asking.ts"
import { confidenceOf, probabilityIn } from "./confidence.ts"
import * as Draws from "./Draws.ts"
import { type Given, measure, type Pass } from "./measure.ts"
import * as Options from "./Options.ts"
import { ResultRow } from "./Results.ts"

/** A metric of answers under the grammar. */
export const masked = (metric: string): string => `${metric} masked`

/** Done once per run, method and pass: a resumed run reads the figures back. */
const recorded = <E, R>(method: string, pass: string, effect: Effect.Effect<ReadonlyArray<ResultRow>, E, R>) =>
  Effect.flatMap(Run, (run) => run.within(method).once(pass, Schema.Array(ResultRow), effect))

/** Answers with the judge's part in their rewards. */
const judged = <A>(task: Task<A>, samples: ReadonlyArray<Sample<A>>, given: ReadonlyArray<Given<A>>) =>
  Effect.map(
    Judgments.pay(
      task,
      Array.zip(samples, given).map(([sample, scored]) => ({ turn: Reward.turnOf(sample, scored.reasoning), scored }))
    ),
    (paid) => Array.zip(given, paid).map(([one, { detail, reward, verdict }]) => ({ ...one, detail, reward, verdict }))
  )

/**
 * Greedy answers of the policy as it is now, under a grammar or none. Interrupted, it goes on at those that it has not
 * got yet.
 */
const answersOf = Effect.fnUntraced(function*<A, E, R>(
  options: Options.EvaluateOptions<A, E, R>,
  grammar: Grammar | undefined,
  pass: Omit<Pass, "before">
) {
  const { form = "think", maxTokens = lengths.thinkAnswer, samples: draws = 1, task } = options
  const method = grammar === undefined ? options.method : `${options.method} under the grammar`
  const policy = yield* Policy
  const session = yield* policy.session
  const spool = yield* (yield* Run).within(options.method).spool(pass.name)
  const asking = yield* Asking.make({
    session,
    sampling: { maxTokens, temperature: draws > 1 ? 1 : 0, grammar },
    spool
  })
  let asked = 0
  let faults = 0
  let cut = 0
  let closed = 0
  let read = 0
  let unranked = 0
  let firstFault = ""
  let unread = 0
  let reasoned = 0
  let bare = 0
  const requestsOf = (sample: Sample<A>) =>
    Effect.map(Answer.ask(task, form, sample), (prompt) => {
      const key = `evaluate/sample=${sample.image.id}`
      return draws === 1
        ? [{ prompt, key }]
        : Array.makeBy(draws, (draw) => ({ prompt, key: `${key}/draw=${draw}` }))
    })
  const givenBy = (sample: Sample<A>, completion: Completion) =>
    PlugIn.run(task, sample, (): Given<A> => {
      const { image, truth } = sample
      asked++
      const { fault } = completion
      if (fault !== undefined && faults++ === 0) {
        firstFault = Asking.faultOf(image.id, fault)
      }
      const text = Answer.said(form, completion)
      // What a filter has cut off is no answer, though it may read like one.
      const said = Answer.read(task, form, truth, fault === undefined ? text : "", sample)
      if (form === "think" && fault === undefined) {
        if (text.trimStart().startsWith("<think>")) reasoned++
        else if (Result.isSuccess(Reward.readAnswer(task, text))) bare++
      }
      if (fault === undefined && completion.finish === "length") {
        if (said.verdict !== "ok") cut++
        else if (grammar !== undefined) closed++
      }
      const { rank } = task
      const written = { text, tokens: completion.tokens.length, fault, ...said }
      if (Option.isNone(said.annotation)) {
        unread++
        return written
      }
      const sure = task.single === true ? confidenceOf(completion, policy.tokenizer) : Option.none()
      const given = {
        ...written,
        ...Option.match(sure, { onNone: () => ({}), onSome: (confidence) => ({ confidence }) })
      }
      if (rank === undefined) return given
      read++
      const probability = probabilityIn(completion, policy.tokenizer)
      if (probability === undefined) {
        unranked++
        return given
      }
      const ranked = Option.map(
        said.annotation,
        (annotation) => rank(annotation, completion.text, probability)
      )
      return { ...given, ranked }
    })
  const rows = yield* measure(
    options,
    (samples) =>
      Effect.forEach(samples, requestsOf).pipe(
        Effect.flatMap((requests) => asking.ask(requests.flat())),
        Effect.flatMap((completions) =>
          Effect.forEach(Array.zip(samples, Array.chunksOf(completions, draws)), ([sample, [one, ...more]]) =>
            Effect.gen(function*() {
              const first = yield* givenBy(sample, one)
              const others = yield* Effect.forEach(more, (completion) =>
                givenBy(sample, completion))
              return yield* Draws.combined(task, sample, [first, ...others])
            }))
        ),
        Effect.flatMap((given) =>
          judged(task, samples, given)
        )
      ),
    { ...pass, before: Math.floor(spool.rows.length / draws) }
  )
  yield* asking.answered
  if (faults > 0) {
    const many = `${faults} of ${asked} ${draws === 1 ? "pictures" : "draws"}`
    yield* warn(`${method}: no answer, counted as wrong, for ${many}; the first: ${firstFault}`)
  }
  // A command reads the form beside the model.
  const alone = form === "think" && grammar === undefined && asked > faults && reasoned === 0
  if (alone && (yield* Means) === "settings") {
    yield* warn(
      `${method}: no answer is valid, as none of ${asked} begins with its reasoning (<think>)${
        bare > 0 ? `; ${bare} are answers alone, which can be read` : ""
      }. A model that was taught to answer alone (Rise.answers) is measured with form: "answer"`
    )
  } else if (cut > 0) {
    const more = yield* told({ settings: "maxTokens", flags: "--max-tokens", preset: "a --preset with more" })
    yield* warn(
      `${method}: ${cut} of ${asked} answers were cut off at ${maxTokens} tokens, and count as wrong; a model that ` +
        `thinks at length wants more (${more})`
    )
  }
  if (closed > 0) {
    yield* warn(`${method}: ${closed} of ${asked} answers were closed so as to end within ${maxTokens} tokens`)
  }
  if (draws > 1 && unread > 0) {
    yield* warn(
      `${method}: ${unread} of the draws held no annotation and were left out, of ${asked}`
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
    ...rows.slice(0, 1).map(({ items: _, ...row }): ResultRow => ({
      ...row,
      part: "all",
      metric: "ranked",
      value: 1 - unranked / read
    }))
  ]
}, Effect.scoped)

/** Evaluates the policy as it is now. */
export const evaluate = <A, E, R>(options: Options.EvaluateOptions<A, E, R>) => {
  return Effect.gen(function*() {
    yield* Options.check(options)
    yield* checkMask("evaluate", options.task, options.grammar)
    yield* Provided.policy("evaluate")
    yield* Provided.run("evaluate")
    const { grammar = "both", method } = options
    const made = yield* grammarOf(options)
    const first = { name: "evaluate", kept: true }
    const rows = yield* recorded(method, first.name, answersOf(options, grammar === "mask" ? made : undefined, first))
    if (grammar !== "both" || made === undefined) return rows
    const second = { name: "evaluate-masked", kept: false }
    const again = yield* recorded(method, second.name, answersOf(options, made, second))
    return [
      ...rows,
      ...again.flatMap((row) => commonMetrics.includes(row.metric) ? [] : [{ ...row, metric: masked(row.metric) }])
    ]
  })
}

/**
 * The grammar, made before anything is asked; with "both", figures under it are left out where there is none, or where
 * `maxTokens` has no room for any text of it, which is told.
 */
const grammarOf = Effect.fnUntraced(
  function*<A, E, R>(
    { form = "think", grammar = "both", maxTokens = lengths.thinkAnswer, method, task }: Options.EvaluateOptions<
      A,
      E,
      R
    >
  ) {
    if (grammar !== "both") return yield* PolicyGrammar.where(grammar, PolicyGrammar.ofAnswer(task, form))
    const { spelling, tokenizer, unable } = yield* Policy
    if (task.grammar === undefined || unable?.grammar !== undefined) return undefined
    if (Option.isNone(tokenizer) && spelling === undefined) return undefined
    const leftOut = (why: string) =>
      Effect.as(warn(`${method}: figures under the grammar are left out: ${why}`), undefined)
    const made = yield* Effect.catchTag(
      PolicyGrammar.ofAnswer(task, form),
      "GrammarError",
      (error) => leftOut(error.message)
    )
    if (made === undefined) return undefined
    // In how many of its tokens a server writes a text is not known here.
    if (spelling !== undefined || Option.isNone(tokenizer)) return made
    const least = Distance.shortest(Distance.of(made, [tokenizer.value.endOfTurn]))
    return least <= maxTokens
      ? made
      : yield* leftOut(`its shortest text takes ${least} tokens, maxTokens is ${maxTokens}`)
  }
)

/** Evaluates one and the same annotation for every sample: the training set's mean is the `prior` row. */
export const evaluateConstant = <A, E, R>(
  options: Options.EvaluateOptions<A, E, R> & { readonly annotation: A }
) =>
  recorded(
    options.method,
    "evaluate",
    measure({ ...options, form: "answer" }, (samples) =>
      Effect.flatMap(
        Effect.forEach(samples, (sample) =>
          PlugIn.run(options.task, sample, (): Given<A> => ({
            text: options.task.encode(options.annotation),
            annotation: Option.some(options.annotation),
            reasoning: Option.none<string>(),
            verdict: "ok",
            detail: Option.none(),
            reward: Reward.similarity(options.task, sample.truth, options.annotation, sample)
          }))),
        (given) => judged(options.task, samples, given)
      ), { name: "evaluate", before: 0, kept: true })
  )
