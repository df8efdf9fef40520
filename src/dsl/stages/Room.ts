/**
 * Whether an answer fits into the tokens that it may have: where none does, all that a method learns is that it earns
 * nothing, which is to be said before the first step.
 */
import { Effect, Option } from "effect"
import * as Distance from "../../kernels/generate/Distance.ts"
import * as Rules from "../../kernels/math/Rules.ts"
import { Policy } from "../../policy/Policy.ts"
import * as PolicyGrammar from "../grammar/PolicyGrammar.ts"
import { told } from "../Means.ts"
import type { Form, Task } from "../Task.ts"
import type { Described } from "./described.ts"
import * as Settings from "./Settings.ts"

/** Answers that are to be drawn. */
export interface Drawn {
  readonly stage: string
  readonly form: Form
  readonly maxTokens: number
}

/** The answers that stages draw, to learn from them, to select by them or to judge a reasoning by them. */
export const drawnBy = (stages: ReadonlyArray<Described>): ReadonlyArray<Drawn> => {
  const learned = stages.some(([stage]) => stage === "answers") ? "answer" : "think"
  return stages.flatMap(([stage, options]) => {
    const isRebuilt = stage === "reconstruct"
    const [form, usual]: readonly [Form, number] = isRebuilt
      ? ["answer", Settings.lengths.annotation]
      : [learned, Settings.lengths.thinkAnswer]
    const maxTokens = Rules.at(options, ["maxTokens"]) ?? usual
    const selects = stage === "sft" && Rules.at({ select: null, ...options }, ["select"]) !== null
    const draws = isRebuilt || stage === "rft" || selects
    return draws && typeof maxTokens === "number" ? [{ stage, form, maxTokens }] : []
  })
}

/** Tokens of the shortest answer, its end of turn included; none where a task has no grammar that says so. */
const shortest = <A>(task: Task<A>, form: Form) =>
  Effect.gen(function*() {
    const { spelling, tokenizer, unable } = yield* Policy
    // In how many of its tokens a server writes a text is not known here.
    if (Option.isNone(tokenizer) || spelling !== undefined || unable?.grammar !== undefined) return undefined
    // Why a grammar cannot be made is said where it is used.
    const grammar = yield* Effect.orElseSucceed(PolicyGrammar.ofAnswer(task, form), () => undefined)
    return grammar && Distance.shortest(Distance.of(grammar, [tokenizer.value.endOfTurn]))
  })

/** Fails on the first limit that no answer of the task fits into. */
export const check = Effect.fnUntraced(function*<A>(task: Task<A>, asked: ReadonlyArray<Drawn>) {
  for (const form of new Set(asked.map(({ form }) => form))) {
    const least = yield* shortest(task, form)
    // Where none ever ends the grammar is at fault.
    if (least === undefined || least >= Distance.Need.endless) continue
    const short = asked.find((one) => one.form === form && one.maxTokens < least)
    if (short === undefined) continue
    const what = form === "think" ? "think-answer" : "answer"
    const next = yield* told({
      settings: "Rise.run({ tried: true }) lets answers be cut off, to see that all goes through",
      flags: "give it --max-tokens, or a --preset with more",
      preset: "give it a --preset with more"
    })
    return yield* Settings.refuse(short.stage, {
      setting: "maxTokens",
      value: String(short.maxTokens),
      expected: `at least ${least}: the shortest ${what} of task "${task.name}" takes so many tokens, its end of ` +
        `turn included; ${next}`
    })
  }
})
