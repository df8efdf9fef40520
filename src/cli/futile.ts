/**
 * Flags that would change nothing beside the others: refused, for who gave them meant something.
 */
import { Effect, Option, Schema } from "effect"
import * as EffectRuntime from "effect/Runtime"
import type { Method } from "../pipelines/index.ts"
import type { Fitting } from "./fitting/flags.ts"
import type { Study } from "./flags.ts"
import { usageExitCode } from "./output.ts"

/** Flags that do not go together. */
export class FlagError extends Schema.TaggedError<FlagError>()("FlagError", { reason: Schema.String }) {
  override readonly [EffectRuntime.errorExitCode] = usageExitCode
  override get message() {
    return this.reason
  }
}

/** Flags by name, whether each was given. */
export type Given = Readonly<Record<string, boolean | Option.Option<unknown>>>

/** The flags that were given. */
export const given = (flags: Given): ReadonlyArray<string> =>
  Object.keys(flags).filter((name) => {
    const flag = flags[name]
    return typeof flag === "boolean" ? flag : flag !== undefined && Option.isSome(flag)
  })

/** Refuses the first of these flags that was given. */
export const refuse = (flags: Given, why: (flag: string) => string): Effect.Effect<void, FlagError> => {
  const [flag] = given(flags)
  return flag === undefined ? Effect.void : Effect.fail(new FlagError({ reason: why(flag) }))
}

/** A difficulty of the embedded scenes beside pictures of one's own. */
export const ofScenes = ({ data, difficulty }: Pick<Study, "data" | "difficulty">): Effect.Effect<void, FlagError> =>
  refuse(
    { "--difficulty": Option.isSome(data) && difficulty !== 0 },
    (flag) => `${flag} is of the embedded scenes: leave it out, or --data`
  )

/** The flags of `rise train` that speak of one method's stages. */
export type Methods =
  & Pick<Study, "equalCompute" | "noWarmUp" | "tau">
  & Omit<Fitting, "budget" | "config" | "maxTokens" | "printConfig">
  & { readonly method: "all" | Method }

/** A flag that asks for something: no steps of a stage that there is none of ask for nothing. */
const asking = (steps: Option.Option<number>) => Option.filter(steps, (steps) => steps !== 0)

/** Flags of stages that the method has not. */
export const ofMethod = (flags: Methods): Effect.Effect<void, FlagError> => {
  const { method } = flags
  const has = (...methods: ReadonlyArray<string>) => method === "all" || methods.includes(method)
  return Effect.andThen(
    refuse({
      ...(!has("RISE") && {
        "--tau": flags.tau,
        "--candidates": flags.candidates,
        "--steps-reinforce": asking(flags.stepsReinforce),
        "--lr-reinforce": flags.lrReinforce
      }),
      ...(!has("RISE", "SFT") && { "--steps-sft": asking(flags.stepsSft), "--lr-sft": flags.lrSft }),
      ...(!has("RISE", "Visual-RFT") && {
        "--steps-rft": asking(flags.stepsRft),
        "--lr-rft": flags.lrRft,
        "--group-size": flags.groupSize
      }),
      "--equal-compute": method !== "all" && flags.equalCompute
    }, (flag) =>
      flag === "--equal-compute"
        ? `${flag} adds baselines to a comparison of all methods: leave --method out, or ${flag}`
        : `${flag} is for a stage that --method ${method} has not: leave one of them out`),
    flags.noWarmUp
      ? refuse(
        { "--steps-warm-up": asking(flags.stepsWarmUp), "--lr-warm-up": flags.lrWarmUp },
        (flag) => `${flag} is for the warm-up that --no-warm-up leaves out: leave one of them out`
      )
      : Effect.void
  )
}
