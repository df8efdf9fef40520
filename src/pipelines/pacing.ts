/**
 * A budget while it is spent: the pace of the machine is measured again at each stage that begins, by how long those
 * before it have taken.
 */
import { Clock, Effect } from "effect"
import type { Pacing } from "../dsl/stages/Pacing.ts"
import { leastTaught, type Left, type Line } from "./budget.ts"

/** A run that is to end in time. */
export interface Timed {
  /** All stages in order, with what each is expected to take. */
  readonly plan: ReadonlyArray<Line>
  /** What was left of the steps when the plan was made: of it some may be left once more. */
  readonly left: Left
  /** Seconds of the whole budget. */
  readonly seconds: number
  /** When it began to be spent, in milliseconds of the clock: before anything was measured. */
  readonly began: number
}

/** Less is not told from what it takes to open a model. */
const tellingSeconds = 15

/** What a stage does: it teaches, makes better what was taught, or takes what it takes. */
type Kind = "fixed" | "reinforced" | "taught"

/** RFT teaches where there is no SFT before any. */
const kindOf = (plan: ReadonlyArray<Line>) => {
  const tunes = plan.some(({ stage }) => stage.endsWith("/sft"))
  return (stage: string): Kind => {
    if (stage === "warm-up" || stage.endsWith("/sft")) return "taught"
    if (stage.endsWith("/rft")) return tunes ? "reinforced" : "taught"
    return stage.endsWith("/reinforce") ? "reinforced" : "fixed"
  }
}

/**
 * Shares of what is left: stages that make better give way first, then those that teach, to the least that any budget
 * leaves; of one kind all that are still to come alike.
 *
 * @param seconds that are left
 * @param to the seconds that stages to come take, by what they do
 * @param least share of the steps that teach
 */
const sharesFor = (
  seconds: number,
  { fixed, reinforced, taught }: Readonly<Record<Kind, number>>,
  least: number
): Readonly<Record<Kind, number>> => {
  const share = (left: number, whole: number, floor: number) =>
    whole === 0 ? 1 : Math.min(1, Math.max(floor, left / whole))
  return {
    fixed: 1,
    reinforced: share(seconds - fixed - taught, reinforced, 0),
    taught: share(seconds - fixed, taught, least)
  }
}

/** What each stage is told when it begins. A pace that is better than expected changes nothing. */
export const pacing = ({ began, left, plan, seconds }: Timed): Effect.Effect<Pacing["Service"]> =>
  Effect.map(Clock.currentTimeMillis, (started) => {
    /** Where the pace was measured last, and what it was: how much longer everything takes than was expected. */
    let [from, since, slowness] = [0, started, 1]
    const kinds = kindOf(plan)
    return {
      share: (stage) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          const at = plan.findIndex((line) => line.stage === stage)
          if (at < 0) return 1
          const expected = plan.slice(from, at).reduce((sum, line) => sum + line.seconds, 0)
          if (expected >= tellingSeconds) {
            slowness = Math.max(1, (now - since) / 1000 / expected)
            ;[from, since] = [at, now]
          }
          const rest = plan.slice(at)
          const takes = (kind: Kind) =>
            slowness * rest.reduce((sum, line) => sum + (kinds(line.stage) === kind ? line.seconds : 0), 0)
          const shares = sharesFor(
            seconds - (now - began) / 1000,
            { fixed: takes("fixed"), reinforced: takes("reinforced"), taught: takes("taught") },
            Math.min(1, leastTaught / left.taught)
          )
          return shares[kinds(stage)]
        })
    }
  })
