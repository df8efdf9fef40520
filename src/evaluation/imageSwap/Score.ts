/**
 * How likely reasonings are given their own picture, and given others.
 */
import { Effect, Option } from "effect"
import * as Question from "../../dsl/Question.ts"
import type { Sample, Task } from "../../dsl/Task.ts"
import { auroc } from "../../kernels/math/index.ts"
import { Policy, PolicyError, type Session } from "../../policy/Policy.ts"
import type { Told } from "./Told.ts"

/** What one reasoning came to. */
export interface Swap<out A> {
  readonly sample: Sample<A>
  /** Share of the other pictures that it is less likely given than its own, ties half: in [0, 1], 0.5 is chance. */
  readonly auc: number
  /** Mean over other pictures of log p(R | own) − log p(R | other), in nats per token. */
  readonly nats: number
  /** Pictures that it was held against, its own left out. */
  readonly others: number
}

/** What a reasoning follows in a think-answer. */
const open = "<think>"

/** How texts are spelled as tokens; a server may do that itself. */
const speller = (policy: Policy["Service"], session: Session) =>
  Option.match(policy.tokenizer, {
    onSome: ({ encode }) => (text: string) => Effect.succeed(encode(text)),
    onNone: () =>
      session.encode ?? (() =>
        Effect.fail(
          new PolicyError({
            operation: "logprobs",
            reason: "it does not tell how texts are spelled as tokens, so none can be scored: Policy.onnx does"
          })
        ))
  })

/** Scores the reasonings of each group with every picture of it, under the policy as it is. */
export const score = Effect.fnUntraced(function*<A, E, R>(
  task: Task<A>,
  groups: ReadonlyArray<ReadonlyArray<Told<A>>>,
  scored: (samples: number) => Effect.Effect<void, E, R>
) {
  const policy = yield* Policy
  const session = yield* policy.session
  const encode = speller(policy, session)
  const before = yield* encode(open)

  /** A reasoning's tokens, behind what opens it; none where it has none. */
  const spelled = Effect.fnUntraced(function*({ reasoning }: Told<A>) {
    const text = Question.withoutTags(Option.getOrElse(reasoning, () => "")).trim()
    if (text === "") return undefined
    const tokens = yield* encode(text)
    return tokens.length === 0 ? undefined : Int32Array.of(...before, ...tokens)
  })

  const swaps: Array<Swap<A>> = []
  for (const group of groups) {
    const texts = yield* Effect.forEach(
      group,
      (one, own) =>
        Effect.map(spelled(one), (tokens) => tokens === undefined ? [] : [{ own, tokens, sample: one.sample }])
    )
    const told = texts.flat()
    const items = yield* Effect.forEach(told, ({ sample, tokens }) =>
      Effect.forEach(group, ({ sample: { image } }) =>
        // The question is the reasoning's own: nothing but the picture is swapped.
        Effect.map(Question.ask(task, "annotate", { ...sample, image }), (prompt) => ({ prompt, tokens }))))
    const logprobs = group.length < 2 ? [] : yield* session.logprobs(items.flat())
    const sums = logprobs.map((found) => found.subarray(before.length).reduce((sum, logprob) => sum + logprob, 0))
    if (group.length >= 2) {
      told.forEach(({ own, sample, tokens }, i) => {
        const all = sums.slice(i * group.length, (i + 1) * group.length)
        const mine = all[own] ?? NaN
        const others = all.filter((_, at) => at !== own)
        const gain = mine - others.reduce((sum, other) => sum + other, 0) / others.length
        swaps.push({
          sample,
          auc: auroc([mine], others),
          nats: gain / (tokens.length - before.length),
          others: others.length
        })
      })
    }
    yield* scored(group.length)
  }
  return swaps
}, Effect.scoped)
