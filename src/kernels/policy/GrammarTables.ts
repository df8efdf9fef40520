/** Format masks as the tensors a graph reads. */
import type { Grammar } from "../generate/index.ts"
import { Choice } from "../graph/index.ts"
import { HostTensor } from "../runtime/index.ts"

export interface GrammarTables {
  readonly tensors: Readonly<Record<"grammarBias" | "grammarNext", HostTensor.HostTensor>>
}

const remembered = new WeakMap<Grammar, GrammarTables>()

/** Additive mask and transitions in shared memory, made once a grammar. */
export const tables = (grammar: Grammar): GrammarTables => {
  const known = remembered.get(grammar)
  if (known !== undefined) return known
  const cells = grammar.states * grammar.vocabulary
  const bias = HostTensor.shared.float32(cells)
  const next = HostTensor.shared.int32(cells)
  for (let i = 0; i < cells; i++) {
    const allowed = grammar.allowed[i] === 1
    bias[i] = allowed ? Choice.allowed : Choice.forbidden
    // A row whose logits are no numbers may draw what is forbidden: it must not lead out of the table.
    next[i] = allowed ? grammar.next[i] ?? 0 : 0
  }
  const made: GrammarTables = {
    tensors: {
      grammarBias: { dtype: "float32", dims: [grammar.states, grammar.vocabulary], data: bias },
      grammarNext: { dtype: "int32", dims: [cells], data: next }
    }
  }
  remembered.set(grammar, made)
  return made
}

/** The tokens that each state allows. */
const choicesOf = ({ allowed, states, vocabulary }: Grammar): ReadonlyArray<ReadonlyArray<number>> =>
  Array.from({ length: states }, (_, state) => {
    const row = allowed.subarray(state * vocabulary, (state + 1) * vocabulary)
    return Array.from(row.keys()).filter((token) => row[token] === 1)
  })

/** Whether a token of a state ends the text: it is the end of the turn, or nothing else can follow but what leads there. */
const ends = ({ next, vocabulary }: Grammar, choices: ReadonlyArray<ReadonlyArray<number>>, endOfTurn: number) => {
  const over = new Set<number>()
  const ending = (state: number, token: number) => token === endOfTurn || over.has(next[state * vocabulary + token] ?? -1)
  for (let before = -1; before < over.size;) {
    before = over.size
    choices.forEach(([only, more], state) => {
      if (only !== undefined && more === undefined && ending(state, only)) over.add(state)
    })
  }
  return ending
}

const heldTo = new WeakMap<Grammar, GrammarTables>()

/**
 * The same for a format loss. Where a text may end or go on, its end is left out of the question: paid for staying within a grammar, a
 * policy would learn to end at once, which breaks none. Several ways to end are content: names, of which some take one token.
 */
export const held = (grammar: Grammar, endOfTurn: number): GrammarTables => {
  const known = heldTo.get(grammar)
  if (known !== undefined) return known
  const { tensors } = tables(grammar)
  const { data, ...rest } = tensors.grammarBias
  const bias = HostTensor.shared.float32(data.length)
  bias.set(data as Float32Array)
  const choices = choicesOf(grammar)
  const ending = ends(grammar, choices, endOfTurn)
  choices.forEach((tokens, state) => {
    const [end, other] = tokens.filter((token) => ending(state, token))
    const stops = end !== undefined && other === undefined && tokens.length > 1
    if (stops) bias[state * grammar.vocabulary + end] = Choice.aside
  })
  const made: GrammarTables = { tensors: { ...tensors, grammarBias: { ...rest, data: bias } } }
  heldTo.set(grammar, made)
  return made
}

/**
 * State of the mask before each token. A token the mask forbids ends the walk where it stands: its log-probability is
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

/** The tokens up to and with the first that the grammar does not allow. */
export const within = (grammar: Grammar, tokens: Int32Array): Int32Array => {
  const states = walk(grammar, tokens)
  const left = tokens.findIndex((token, i) => grammar.allowed[(states[i] ?? 0) * grammar.vocabulary + token] !== 1)
  return left < 0 ? tokens : tokens.subarray(0, left + 1)
}
