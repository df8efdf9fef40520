/**
 * What stages use beside time: tokens, as their progress tells them, and memory.
 */
import { Context, Effect } from "effect"
import { peakBytes } from "../kernels/runtime/peak.ts"
import { Progress, type View } from "./Progress.ts"

/** Tokens that a stage has told of in this process, by its full name. */
export const Tokens = Context.Reference<(stage: string) => number>("rise/Tokens", { defaultValue: () => () => 0 })

/** The most memory that the process has held, in MiB. */
export const peakMebibytes = (): number => Math.round(peakBytes() / 2 ** 20)

/** Counts the tokens of every stage of an effect, for `Tokens`; the view sees what it would have seen. */
export const counted = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Progress, (view) => {
    const tokens = new Map<string, number>()
    const counting: View = {
      report: (event) => {
        if (event._tag === "Step") tokens.set(event.stage, (tokens.get(event.stage) ?? 0) + event.tokens)
        return view.report(event)
      }
    }
    return effect.pipe(
      Effect.provideService(Progress, counting),
      Effect.provideService(Tokens, (stage) => tokens.get(stage) ?? 0)
    )
  })
