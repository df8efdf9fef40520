/** Grammars as the tensors that a graph reads. */
import { Effect } from "effect"
import { Distance, type Grammar, Walk } from "../../kernels/generate/index.ts"
import { Choice } from "../../kernels/graph/index.ts"
import { HostTensor } from "../../kernels/runtime/index.ts"
import { PolicyError } from "../Policy.ts"
import * as Ends from "./Ends.ts"

/** Tensors by the names of their inputs. */
export type Tensors = Readonly<Record<string, HostTensor.HostTensor>>

/** A grammar, and how many tokens what is drawn or scored under it may take; without `maxTokens` any number. */
export interface Constraint {
  readonly grammar?: Grammar | undefined
  readonly maxTokens?: number | undefined
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

const samplings = new WeakMap<Grammar, Tensors>()

/**
 * What sampling and scoring read, made once for a grammar: the need of every token, and transitions.
 *
 * @param ends every token that ends a turn
 */
export const tables = (grammar: Grammar, ends: ReadonlyArray<number>): Tensors => {
  const known = samplings.get(grammar)
  if (known !== undefined) return known
  const { states, vocabulary } = grammar
  const need = HostTensor.shared.float32(states * vocabulary)
  Distance.needs(grammar, Distance.of(grammar, ends), ends, need)
  const made: Tensors = {
    grammarNeed: { dtype: "float32", dims: [states, vocabulary], data: need },
    grammarNext: nextOf(grammar)
  }
  samplings.set(grammar, made)
  return made
}

/** What may be spent in each state, and must be: the budget of a rollout. */
export const budget = (grammar: Grammar, ends: ReadonlyArray<number>, maxTokens: number): Tensors => {
  const distance = Distance.of(grammar, ends)
  const vector = (data: Float32Array): HostTensor.HostTensor => ({ dtype: "float32", dims: [data.length], data })
  return {
    grammarBudget: vector(Distance.budgets(distance, maxTokens)),
    grammarLeast: vector(Float32Array.from(distance.least))
  }
}

/** Fails where no text of a grammar fits into its budget. */
export const checkBudget = (
  operation: PolicyError["operation"],
  { grammar, maxTokens }: Constraint,
  ends: ReadonlyArray<number>,
  where = ""
): Effect.Effect<void, PolicyError> =>
  Effect.suspend(() => {
    if (grammar === undefined || maxTokens === undefined) return Effect.void
    const least = Distance.shortest(Distance.of(grammar, ends))
    if (least <= maxTokens) return Effect.void
    const reason = least >= Distance.Need.endless
      ? `no text of the grammar ${grammar.id} ever ends: it has to allow the end of turn somewhere`
      : `maxTokens is ${maxTokens}, expected at least ${least}: the shortest text of the grammar ${grammar.id} takes ` +
        "so many tokens, its end of turn included"
    return Effect.fail(new PolicyError({ operation, reason: where + reason }))
  })

/** Fails on a text that was not drawn within its budget: it has no probability under its grammar. */
export const checkLength = Effect.fnUntraced(function*(
  operation: PolicyError["operation"],
  constraint: Constraint,
  ends: ReadonlyArray<number>,
  { length }: Int32Array,
  where: string
) {
  const { grammar, maxTokens } = constraint
  if (grammar === undefined || maxTokens === undefined) return
  yield* checkBudget(operation, constraint, ends, where)
  if (length <= maxTokens) return
  const reason = `${where}${length} tokens under a grammar, expected at most maxTokens, ${maxTokens}`
  return yield* new PolicyError({ operation, reason })
})

const formats = new WeakMap<Grammar, Tensors>()

/**
 * What a format loss reads, an additive mask: where a text may go on or end by one token, or say something or nothing,
 * the end and nothing are left aside (see `FormatText`).
 */
export const formatTables = (grammar: Grammar, endOfTurn: number): Tensors => {
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
  const made: Tensors = { grammarBias: { dtype: "float32", dims: [states, vocabulary], data: bias } }
  formats.set(grammar, made)
  return made
}

/** The states that a text passes under its grammar, and what each token may need there (`Distance.left`). */
export const trace = ({ grammar, maxTokens }: Constraint, ends: ReadonlyArray<number>, tokens: ArrayLike<number>) => {
  const states = Walk.states(grammar, tokens)
  if (grammar === undefined) return { states, left: new Float32Array(states.length).fill(Distance.Need.unlimited) }
  const distance = Distance.of(grammar, ends)
  const budgets = Distance.budgets(distance, maxTokens)
  return { states, left: Float32Array.from(states, (state, i) => Distance.left(distance, budgets, state, i)) }
}

/**
 * Of each token of a draw: whether it was allowed, and whether the budget had forbidden others that the grammar
 * allows.
 */
export const drawn = (
  constraint: Constraint,
  ends: ReadonlyArray<number>,
  tokens: Int32Array
): ReadonlyArray<{ readonly allowed: boolean; readonly pressed: boolean }> => {
  const { grammar } = constraint
  if (grammar === undefined) return Array.from(tokens, () => ({ allowed: true, pressed: false }))
  const distance = Distance.of(grammar, ends)
  const ending = new Set(ends)
  const { left, states } = trace(constraint, ends, tokens)
  return Array.from(tokens, (token, i) => {
    const [state = 0, most = 0] = [states[i], left[i]]
    const need = Distance.need(grammar, distance, ending, state * grammar.vocabulary + token)
    return { allowed: need <= most, pressed: most < (distance.most[state] ?? 0) }
  })
}
