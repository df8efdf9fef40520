/** Format masks as the tensors a graph reads. */
import type { Grammar } from "../generate/index.ts"
import { HostTensor } from "../runtime/index.ts"

export interface GrammarTables {
  readonly tensors: Readonly<Record<"grammarBias" | "grammarNext", HostTensor.HostTensor>>
}

const remembered = new WeakMap<Grammar, GrammarTables>()

/** Additive mask and transitions in shared memory, made once a grammar. */
export const tables = (grammar: Grammar): GrammarTables => {
  const held = remembered.get(grammar)
  if (held !== undefined) return held
  const cells = grammar.states * grammar.vocabulary
  const bias = HostTensor.shared.float32(cells)
  const next = HostTensor.shared.int32(cells)
  for (let i = 0; i < cells; i++) {
    const allowed = grammar.allowed[i] === 1
    bias[i] = allowed ? 0 : -1e9
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
