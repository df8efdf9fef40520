/** The rewards of D_RISE as the page draws them: how many chains earned how much, and which of them were kept. */
import { Effect, Option, Stream } from "effect"
import { CotRow } from "../../dsl/Rise.ts"
import { lines } from "../artefacts.ts"

const binCount = 25

/** Counts the chains of a file by their rewards; none where there are none. Without τ all were kept. */
export const histogram = Effect.fnUntraced(function*(file: string, tau: number | undefined) {
  const sum = yield* Stream.runFold(
    lines(file, CotRow),
    () => ({ bins: Array.from({ length: binCount }, () => ({ count: 0, kept: 0 })), kept: 0, of: 0 }),
    ({ bins, kept, of }, { reward }) => {
      const bin = bins[Math.max(0, Math.min(binCount - 1, Math.floor(reward * binCount)))]
      const held = tau === undefined || reward >= tau ? 1 : 0
      if (bin !== undefined) {
        bin.count++
        bin.kept += held
      }
      return { bins, kept: kept + held, of: of + 1 }
    }
  )
  return sum.of === 0 ? Option.none() : Option.some({ ...sum, tau })
})
