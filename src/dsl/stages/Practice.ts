/**
 * Practice of a format: a supervised stage lets the policy write texts of its own beside the lessons, without a
 * grammar, and holds down what would break the format along them (`FormatText`).
 *
 * Lessons alone do not teach a small model to keep a format: they show it no text that it would write wrongly. Its own
 * texts do, and they need no label. Not in the paper, whose models keep the format from the start.
 */
import { Effect, Option } from "effect"
import * as Rules from "../../kernels/math/Rules.ts"
import { type FormatLoss, type FormatText, Policy, type Prompt, type TargetSegment } from "../../policy/Policy.ts"
import * as PolicyGrammar from "../grammar/PolicyGrammar.ts"
import type { Task } from "../Task.ts"
import * as ByDraws from "./ByDraws.ts"
import { tellFormless } from "./Futile.ts"
import type { Form } from "./Pipeline.ts"
import { sampleAll } from "./Sampling.ts"
import * as Settings from "./Settings.ts"
import type { BadSetting } from "./StageError.ts"

/** The option `practice` of `warmUp`: how many texts the policy writes, and what the format loss weighs. */
export interface PracticeOptions {
  /** Texts that the policy writes at each step, one for each of as many lessons of the batch. */
  readonly texts: number
  /** Weight of the format loss (nats per token) beside that of the lessons. */
  readonly weight: number
  /** Longest text, in tokens. */
  readonly maxTokens: number
  /** Default 1: errors that a greedy text makes now and then are met more often. */
  readonly temperature?: number
  /**
   * What the loss is made of: "mass", the probability of every token along the texts, which an engine over the network
   * does not tell; "draws", that of the token which left the format, where one did (`ByDraws`), in an update of its own
   * before that of the lessons. Texts that are drawn cool leave it where a greedy text would: at 1 most errors are rare
   * ones, of which one at a time teaches little. Default "mass".
   */
  readonly by?: "draws" | "mass"
}

/** The option `practice` of `sft`. */
export interface LessonPracticeOptions extends PracticeOptions {
  /**
   * Which texts are held to the format: "own", those that the policy writes; "lessons", the target of each lesson as a
   * text for the picture of another of its batch, where nothing is drawn. How a label is spelled depends on no picture.
   * A small model that has learned few pictures by heart does not know that, and for one that lies between them writes
   * the beginning of one label and the end of another. Default "own".
   */
  readonly of?: "lessons" | "own"
}

/** Refuses more texts than a batch has lessons to write them of, and draws where nothing is drawn. */
export const fits = (
  stage: string,
  { practice }: { readonly practice?: LessonPracticeOptions },
  lessons: number
): Effect.Effect<void, BadSetting> => {
  if (practice?.by === "draws" && practice.of === "lessons") {
    const expected = "\"mass\" where practice.of is \"lessons\": a lesson's text never leaves its format"
    return Settings.refuse(stage, { setting: "practice.by", value: "\"draws\"", expected })
  }
  return practice === undefined || practice.texts <= lessons ? Effect.void : Settings.refuse(stage, {
    setting: "practice.texts",
    value: String(practice.texts),
    expected: `at most the ${lessons} lessons of a batch`
  })
}

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
  "practice.temperature": Rules.temperature(true),
  "practice.by": Rules.oneOf("draws", "mass")
}

/** The same of `sft`. */
export const practisingLessons: Rules.Table = { ...practising, "practice.of": Rules.oneOf("lessons", "own") }

const beside = (loss: FormatLoss): Practised => ({ _tag: "Beside", loss })
const before = (own: ByDraws.ByDraws): Practised => ({ _tag: "Before", ...own })

/** What the policy is asked, and the format that its text is to have. */
export interface Exercise {
  readonly prompt: Prompt
  readonly form: Form
  /** Of its draw. */
  readonly key: string
  /** What the lesson teaches to write. */
  readonly target?: ReadonlyArray<TargetSegment>
}

/** The tokens of a target, as an update scores them. */
const tokensOf = (target: ReadonlyArray<TargetSegment>) =>
  Effect.map(
    Policy,
    ({ tokenizer }) =>
      Option.map(tokenizer, ({ encode, endOfTurn }) =>
        Int32Array.from([...target.flatMap(({ text }) => [...encode(text)]), endOfTurn]))
  )

/** The target of the next lesson of a form, the lesson's own where there is no other. */
const lessonAfter = (exercises: ReadonlyArray<Exercise>, i: number, form: Form): ReadonlyArray<TargetSegment> =>
  [...exercises.slice(i + 1), ...exercises.slice(0, i + 1)].find((exercise) => exercise.form === form)?.target ?? []

/** What a step practises: a loss beside that of the lessons, or an objective of its own. */
export type Practised =
  | { readonly _tag: "Beside"; readonly loss: FormatLoss }
  | ({ readonly _tag: "Before" } & ByDraws.ByDraws)

/**
 * Makes the function that a stage calls at each step: it draws the texts and returns what they teach. A task without a
 * grammar has nothing that could be practised.
 */
export const make = Effect.fnUntraced(function*<A>(
  stage: "warmUp" | "sft",
  named: string,
  task: Task<A>,
  settings: { readonly practice?: LessonPracticeOptions }
) {
  const { practice: options } = settings
  if (options !== undefined) yield* tellFormless({ named, stage }, task, "practice", settings)
  const grammarOf = options?.by === "draws" ? PolicyGrammar.inTokens : PolicyGrammar.ofAnswer
  // Made when a text is first asked for: a task may have a grammar for one form and none for the other.
  const grammars = {
    answer: yield* Effect.cached(grammarOf(task, "answer")),
    think: yield* Effect.cached(grammarOf(task, "think"))
  }
  return Effect.fnUntraced(function*(exercises: ReadonlyArray<Exercise>) {
    if (options === undefined) return undefined
    const { maxTokens, temperature, texts, weight } = Settings.filledStage(options)
    const asked = (yield* Effect.forEach(exercises.slice(0, texts), (exercise, at) =>
      Effect.map(grammars[exercise.form], (grammar) => ({ ...exercise, grammar, at })))).filter(({ grammar }) =>
        grammar !== undefined
      )
    // Nothing is drawn that nothing could be learned from.
    if (asked.length === 0) {
      return undefined
    }
    if (options.of === "lessons") {
      // Of the next lesson, the first one's for the last: as it was shuffled, a picture of any label.
      const held = yield* Effect.forEach(asked, ({ at, form, grammar, prompt }) =>
        Effect.map(tokensOf(lessonAfter(exercises, at, form)), (tokens): ReadonlyArray<FormatText> =>
          grammar === undefined || Option.isNone(tokens) ? [] : [{ prompt, tokens: tokens.value, grammar }]))
      return beside({ weight, texts: held.flat() })
    }
    const policy = yield* Policy
    return yield* Effect.scoped(Effect.gen(function*() {
      const session = yield* policy.session
      const drawn = yield* sampleAll(session, asked, { count: 1, maxTokens, temperature })
      const written = asked.flatMap(({ grammar, prompt }, i): ReadonlyArray<ByDraws.DrawnText> =>
        grammar === undefined ? [] : (drawn[i] ?? []).map((completion) => ({ prompt, completion, grammar }))
      )
      return options.by === "draws"
        ? before(yield* ByDraws.of(session, written, weight))
        : beside({
          weight,
          texts: written.map(({ completion: { tokens }, grammar, prompt }) => ({ prompt, tokens, grammar }))
        })
    }))
  })
})
