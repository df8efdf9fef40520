/** Grammars as the tensors that a graph reads. */
import type { Grammar } from "../../kernels/generate/index.ts"
import { Choice } from "../../kernels/graph/index.ts"
import { HostTensor } from "../../kernels/runtime/index.ts"
import * as Ends from "./Ends.ts"

export interface GrammarTables {
  readonly tensors: Readonly<Record<"grammarBias" | "grammarNext", HostTensor.HostTensor>>
}

/** What is added to the logits of each state, in shared memory. */
const biasOf = ({ allowed, states, vocabulary }: Grammar) => {
  const bias = HostTensor.shared.float32(states * vocabulary)
  for (let i = 0; i < bias.length; i++) bias[i] = allowed[i] === 1 ? Choice.allowed : Choice.forbidden
  return bias
}

/** Transitions in shared memory, made once for a grammar: sampling and a format loss walk alike. */
const transitions = new WeakMap<Grammar, HostTensor.HostTensor>()
const nextOf = (grammar: Grammar): HostTensor.HostTensor => {
  const known = transitions.get(grammar)
  if (known !== undefined) return known
  const data = HostTensor.shared.int32(grammar.states * grammar.vocabulary)
  // A row whose logits are no numbers may draw what is forbidden: it must not lead out of the table.
  for (let i = 0; i < data.length; i++) data[i] = grammar.allowed[i] === 1 ? grammar.next[i] ?? 0 : 0
  const made: HostTensor.HostTensor = { dtype: "int32", dims: [data.length], data }
  transitions.set(grammar, made)
  return made
}

const tablesOf = (grammar: Grammar, bias: Float32Array): GrammarTables => ({
  tensors: {
    grammarBias: { dtype: "float32", dims: [grammar.states, grammar.vocabulary], data: bias },
    grammarNext: nextOf(grammar)
  }
})

const samplings = new WeakMap<Grammar, GrammarTables>()

/** Biases and transitions for sampling and scoring, made once for a grammar. */
export const tables = (grammar: Grammar): GrammarTables => {
  const known = samplings.get(grammar)
  if (known !== undefined) return known
  const made = tablesOf(grammar, biasOf(grammar))
  samplings.set(grammar, made)
  return made
}

const formats = new WeakMap<Grammar, GrammarTables>()

/**
 * The same for a format loss: where a text may go on or end by one token, or say something or nothing, the end and
 * nothing are left aside (see `FormatText`).
 */
export const formatTables = (grammar: Grammar, endOfTurn: number): GrammarTables => {
  const known = formats.get(grammar)
  if (known !== undefined) return known
  const { allowed, nothing, states, vocabulary } = grammar
  const bias = biasOf(grammar)
  const ends = Ends.of(grammar, endOfTurn)
  for (let state = 0; state < states; state++) {
    const choices = allowed.subarray(state * vocabulary, (state + 1) * vocabulary)
    const ending = ends(state)
    const aside = (token: number) => token === ending || nothing?.has(state * vocabulary + token) === true
    if (!choices.some((choice, token) => choice === 1 && !aside(token))) continue
    for (const [token, choice] of choices.entries()) {
      if (choice === 1 && aside(token)) bias[state * vocabulary + token] = Choice.aside
    }
  }
  const made = tablesOf(grammar, bias)
  formats.set(grammar, made)
  return made
}

/**
 * State of the grammar before each token. A token it forbids ends the walk where it stands: its log-probability is
 * then hugely negative, which is the truth.
 */
export const walk = (grammar: Grammar | undefined, tokens: ArrayLike<number>): Int32Array => {
  const states = new Int32Array(tokens.length)
  if (grammar === undefined) return states
  let state = 0
  for (let i = 0; i < tokens.length; i++) {
    states[i] = state
    const cell = state * grammar.vocabulary + (tokens[i] ?? 0)
    if (grammar.allowed[cell] === 1) state = grammar.next[cell] ?? state
  }
  return states
}

/** The tokens up to and with the first that the grammar does not allow, and whether there is one. */
export const within = (
  grammar: Grammar,
  tokens: Int32Array
): { readonly tokens: Int32Array; readonly left: boolean } => {
  const states = walk(grammar, tokens)
  const at = tokens.findIndex((token, i) => grammar.allowed[(states[i] ?? 0) * grammar.vocabulary + token] !== 1)
  return at < 0 ? { tokens, left: false } : { tokens: tokens.subarray(0, at + 1), left: true }
}
