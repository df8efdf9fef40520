/** Auxiliary targets of a sequence as rows: which of its hidden states predicts what. */
import type { Auxiliary } from "../Policy.ts"

/** One token to predict beside the next one. */
export interface AuxiliaryRow {
  /** Place among the tokens of the packed sequence. */
  readonly at: number
  readonly token: number
  readonly weight: number
  /** Decoder layer, counted from 1; undefined: the last. */
  readonly layer: number | undefined
}

/** How many tokens an auxiliary target weighs in the mean of a loss: those at visual tokens; mentions come on top. */
export const weightOf = ({ tokens, weight }: Auxiliary): number =>
  tokens instanceof Int32Array ? weight * tokens.filter((token) => token >= 0).length : 0

/**
 * The rows of a sequence's tokens, which are those of its prompt and, of its target, all but the last, which is never
 * read.
 */
export const rowsOf = (
  tokens: ArrayLike<number>,
  imageToken: number,
  auxiliary: ReadonlyArray<Auxiliary>
): ReadonlyArray<AuxiliaryRow> =>
  auxiliary.flatMap(({ layer, tokens: wanted, weight }) => {
    let visual = 0
    return Array.from(tokens).flatMap((token, at) => {
      const target = wanted instanceof Int32Array
        ? (token === imageToken ? wanted[visual++] : undefined)
        : wanted.get(token)
      return target === undefined || target < 0 ? [] : [{ at, token: target, weight, layer }]
    })
  })
