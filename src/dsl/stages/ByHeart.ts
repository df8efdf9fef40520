/**
 * Whether a supervised stage knows its lessons by heart: then what is wrong elsewhere is not for want of steps.
 */
import { Effect, Option, Schema, Stream } from "effect"
import { mean } from "../../kernels/math/Spread.ts"
import { metricsFile, Run } from "../Run.ts"

/** Nats per token below which every token of a lesson is all but certain: 0.95 and more. */
const certain = 0.05

/** Whether a loss is that of lessons known by heart. */
export const isByHeart = (loss: number): boolean => loss < certain

/** What is so, and what to do. */
export const nextByHeart =
  "its lessons are known by heart (a loss next to 0), so that more steps will not help: give it " +
  "more pictures, changed ones (augment of sft), or fewer steps"

/** Steps whose loss is looked at, the last ones. */
const last = 10

/** Whether the losses of a stage, step after step, end with lessons known by heart. */
export const endByHeart = (losses: ReadonlyArray<number>): boolean =>
  losses.length > 0 && isByHeart(mean(losses.slice(-last)))

const LossRow = Schema.Struct({ method: Schema.optional(Schema.String), stage: Schema.String, loss: Schema.Finite })
const lossRow = Schema.decodeUnknownOption(LossRow)

/** Whether the SFT of a method ended with its lessons known by heart; false where it has none. */
export const knows = (method: string) =>
  Effect.flatMap(Run, ({ rows }) =>
    Effect.map(
      Stream.runFold(
        rows(metricsFile),
        (): ReadonlyArray<number> => [],
        (losses, row) =>
          Option.match(lossRow(row), {
            onNone: () => losses,
            onSome: ({ loss, method: of = "", stage }) =>
              of === method && stage === "sft" ? [...losses.slice(1 - last), loss] : losses
          })
      ),
      endByHeart
    ))
