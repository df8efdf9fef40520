/** What becomes of a candidate before GRPO learns from it. */
import type * as Group from "../Group.ts"
import type { Verdict } from "../Reward.ts"

/** A candidate as GRPO sees it: what it earned, and the draws that get the credit. */
export interface Judged {
  readonly reward: number
  readonly verdict: Verdict
  readonly draws: ReadonlyArray<Group.Draw>
}
