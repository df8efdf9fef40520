/**
 * Where a broken format's fault lies: a text that left its grammar did so at one token. That token pays more than the
 * others, as much as all of them: n tokens that pull in directions of their own come to √n times one.
 *
 * GRPO lets all tokens of a text that earned nothing pay alike, and of one that cannot be read nearly all that it
 * teaches is noise. Any engine learns from this: it is an advantage for each token.
 */
import type { Grammar } from "../../kernels/generate/Grammar.ts"
import { Walk } from "../../kernels/generate/index.ts"
import type { Rollout } from "../../policy/Policy.ts"
import type { Judged } from "./Judged.ts"

/** The first draw of a candidate that left its grammar, and the token that did. */
export interface Fault {
  readonly turn: number
  readonly at: number
}

/** Where a candidate broke its format; undefined where it did not, or no token can be named. */
export const faultOf = (
  { draws, verdict }: Judged,
  grammars: ReadonlyArray<Grammar | undefined>
): Fault | undefined => {
  if (!verdict.startsWith("format")) return undefined
  for (const [turn, { completion: { tokens } }] of draws.entries()) {
    const grammar = grammars[turn]
    if (grammar === undefined) continue
    const way = Walk.within(grammar, tokens)
    if (way.left) return { turn, at: way.tokens.length - 1 }
  }
  return undefined
}

/** A rollout of a candidate's turn whose token at fault pays √n times its advantage, where it is below 0. */
export const laid = (rollout: Rollout, fault: Fault | undefined, turn: number): Rollout => {
  if (fault === undefined || fault.turn !== turn || rollout.advantage >= 0) return rollout
  const { length } = rollout.completion.tokens
  return { ...rollout, importance: Float32Array.from({ length }, (_, k) => k === fault.at ? Math.sqrt(length) : 1) }
}
