/**
 * Practice of a format: a supervised stage lets the policy write texts of its own beside the lessons, without a
 * grammar, and holds down what would break the format along them (`FormatText`).
 *
 * Lessons alone do not teach a small model to keep a format: they show it no text that it would write wrongly. Its own
 * texts do, and they need no label. Not in the paper, whose models keep the format from the start.
 */
import { Effect } from "effect"
import * as Rules from "../../kernels/math/Rules.ts"
import { type FormatLoss, type FormatText, Policy, type Prompt } from "../../policy/Policy.ts"
import * as PolicyGrammar from "../grammar/PolicyGrammar.ts"
import type { Task } from "../Task.ts"
import type { Form } from "./Pipeline.ts"
import { sampleAll } from "./Sampling.ts"
import * as Settings from "./Settings.ts"
import type { BadSetting } from "./StageError.ts"

/** The option `practice` of `sft` and `warmUp`: how many texts the policy writes, and what the format loss weighs. */
export interface PracticeOptions {
  /** Texts that the policy writes at each step, one for each of as many lessons of the batch. */
  readonly texts: number
  /** Weight of the format loss (nats per token) beside that of the lessons. */
  readonly weight: number
  /** Longest text, in tokens. */
  readonly maxTokens: number
  /** Default 1: errors that a greedy text makes now and then are met more often. */
  readonly temperature?: number
}

/** Refuses more texts than a batch has lessons to write them of. */
export const fits = (
  stage: string,
  { practice }: { readonly practice?: PracticeOptions },
  lessons: number
): Effect.Effect<void, BadSetting> =>
  practice === undefined || practice.texts <= lessons ? Effect.void : Settings.refuse(stage, {
    setting: "practice.texts",
    value: String(practice.texts),
    expected: `at most the ${lessons} lessons of a batch`
  })

/** A format loss of no weight would be computed for nothing. */
const practised: Rules.Rule = {
  expected: `a number above 0, up to ${Settings.most.weight}`,
  holds: (value) => value !== 0 && Settings.lossWeight.holds(value)
}

/** What practice options may be, as parts of the stage's. */
export const practising: Rules.Table = {
  "practice.texts": Rules.required(Settings.batch),
  "practice.weight": Rules.required(practised),
  "practice.maxTokens": Rules.required(Settings.length),
  "practice.temperature": Rules.temperature(true)
}

/** What the policy is asked, and the format that its text is to have. */
export interface Exercise {
  readonly prompt: Prompt
  readonly form: Form
  /** Of its draw. */
  readonly key: string
}

/**
 * Makes the function that a stage calls at each step: it draws the texts and returns their format loss. A task without
 * a grammar has nothing that could be practised.
 */
export const make = Effect.fnUntraced(function*<A>(task: Task<A>, options: PracticeOptions | undefined) {
  // Made when a text is first asked for: a task may have a grammar for one form and none for the other.
  const grammars = {
    answer: yield* Effect.cached(PolicyGrammar.ofAnswer(task, "answer")),
    think: yield* Effect.cached(PolicyGrammar.ofAnswer(task, "think"))
  }
  return Effect.fnUntraced(function*(exercises: ReadonlyArray<Exercise>) {
    if (options === undefined) return undefined
    const { maxTokens, temperature, texts, weight } = Settings.filledStage(options)
    const asked = (yield* Effect.forEach(exercises.slice(0, texts), (exercise) =>
      Effect.map(grammars[exercise.form], (grammar) => ({ ...exercise, grammar })))).filter(({ grammar }) =>
        grammar !== undefined
      )
    // Nothing is drawn that nothing could be learned from.
    if (asked.length === 0) {
      return undefined
    }
    const policy = yield* Policy
    const drawn = yield* Effect.scoped(
      Effect.flatMap(policy.session, (session) =>
        sampleAll(session, asked, { count: 1, maxTokens, temperature }))
    )
    const practised: FormatLoss = {
      weight,
      texts: asked.flatMap(({ grammar, prompt }, i): ReadonlyArray<FormatText> => {
        const tokens = drawn[i]?.[0]?.tokens
        return grammar === undefined || tokens === undefined ? [] : [{ prompt, tokens, grammar }]
      })
    }
    return practised
  })
})
