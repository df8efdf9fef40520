/**
 * Where a text of a grammar may end: which token of a state begins nothing but the closing that all its texts share.
 */
import type { Grammar } from "../../kernels/generate/index.ts"

/** The tokens that each state allows. */
const choicesOf = ({ allowed, states, vocabulary }: Grammar): ReadonlyArray<ReadonlyArray<number>> =>
  Array.from({ length: states }, (_, state) => {
    const row = allowed.subarray(state * vocabulary, (state + 1) * vocabulary)
    return Array.from(row.keys()).filter((token) => row[token] === 1)
  })

/** The tokens with which every text closes, the end of the turn last: "]", "</answer>", end of turn. */
const closingOf = (
  grammar: Grammar,
  choices: ReadonlyArray<ReadonlyArray<number>>,
  endOfTurn: number
): ReadonlyArray<number> => {
  const { next, states, vocabulary } = grammar
  const closing = [endOfTurn]
  let reached = new Set(choices.flatMap((tokens, state) => tokens.includes(endOfTurn) ? [state] : []))
  // A text that could begin here is over: nothing stands before it. No closing is longer than there are states.
  while (!reached.has(0) && closing.length <= states) {
    const before = choices.flatMap((tokens, state) =>
      tokens.flatMap((token) =>
        token !== endOfTurn && reached.has(next[state * vocabulary + token] ?? -1) ? [{ state, token }] : []
      )
    )
    const [token, other] = new Set(before.map(({ token }) => token))
    if (token === undefined || other !== undefined) break
    closing.unshift(token)
    reached = new Set(before.map(({ state }) => state))
  }
  return closing
}

/**
 * For each state the token that ends a text there, if it is one: the end of the turn itself, or the first token of a
 * rest of the closing that has to follow as a whole. Where several would, they are content: of the names "joy" and "the
 * storm" none is an end.
 */
export const of = (grammar: Grammar, endOfTurn: number): (state: number) => number | undefined => {
  const { next, vocabulary } = grammar
  const choices = choicesOf(grammar)
  const closing = closingOf(grammar, choices, endOfTurn)
  /** States from which a rest of the closing has to follow, with its length. */
  const rest = new Map<number, number>()
  const ends = (state: number, token: number): boolean => {
    if (token === endOfTurn) return true
    const length = rest.get(next[state * vocabulary + token] ?? -1)
    return length !== undefined && token === closing.at(-1 - length)
  }
  for (let length = 1; length <= closing.length; length++) {
    choices.forEach(([only, more], state) => {
      if (only === undefined || more !== undefined || rest.has(state) || only !== closing.at(-length)) return
      if (length === 1 || rest.get(next[state * vocabulary + only] ?? -1) === length - 1) rest.set(state, length)
    })
  }
  return (state) => {
    const [end, other] = (choices[state] ?? []).filter((token) => ends(state, token))
    return other === undefined ? end : undefined
  }
}
