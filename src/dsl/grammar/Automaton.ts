/**
 * From a description of positions in a text to the dense token tables of a `Grammar`.
 *
 * A token may lead to several positions at once (after "1" a number may end or go on), so positions are gathered into
 * sets: the usual subset construction, done lazily from the start.
 */
import { createHash } from "node:crypto"
import type { Grammar } from "../../kernels/generate/Grammar.ts"

/** A place in the text: what may follow, and where that leads. Equal keys are equal places. */
export interface Position {
  readonly key: string
  /** `nothing`: only an annotation of nothing goes this way. */
  readonly edges: () => ReadonlyArray<readonly [token: number, to: Position, nothing?: true]>
  /** Where a token of free text leads, if free text may stand here; `edges` go first. */
  readonly free?: { readonly to: () => Position; readonly allows: (token: number) => boolean }
}

/** A set of positions with its outgoing edges, by number. */
interface State {
  readonly edges: Map<number, { readonly to: number; readonly nothing: boolean }>
  readonly free: { readonly to: number; readonly allows: (token: number) => boolean } | undefined
}

/** Largest tables that are built: one byte and one int32 per state and token. */
export const maximumBytes = 2 ** 30

/** Tables that would be too large to build: what they need at least. */
export interface TooLarge {
  readonly states: number
  readonly bytes: number
}

/** All states that can be reached, or how many there are at least where that is more than `most`. */
const explore = (start: Position, most: number): ReadonlyArray<State> | number => {
  const numbers = new Map<string, number>()
  const sets: Array<ReadonlyArray<Position>> = []
  const number = (positions: ReadonlyArray<Position>): number => {
    const unique = [...new Map(positions.map((position) => [position.key, position])).values()]
    const key = unique.map((position) => position.key).sort().join("|")
    const known = numbers.get(key)
    if (known !== undefined) return known
    numbers.set(key, sets.length)
    return sets.push(unique) - 1
  }
  number([start])
  const states: Array<State> = []
  // `sets` grows while it is walked.
  for (const positions of sets) {
    if (sets.length > most) return sets.length
    const targets = new Map<number, { readonly to: Array<Position>; nothing: boolean }>()
    for (const position of positions) {
      for (const [token, to, nothing = false] of position.edges()) {
        const there = targets.get(token)
        if (there === undefined) {
          targets.set(token, { to: [to], nothing })
          continue
        }
        there.to.push(to)
        there.nothing &&= nothing
      }
    }
    const free = positions.find((position) => position.free !== undefined)?.free
    states.push({
      edges: new Map([...targets].map(([token, { nothing, to }]) => [token, { to: number(to), nothing }])),
      free: free === undefined ? undefined : { to: number([free.to()]), allows: free.allows }
    })
  }
  return states
}

/**
 * Builds the tables of the automaton that starts at `start`. `name` begins the grammar's id; a digest of the tables
 * ends it.
 */
export const build = (name: string, start: Position, vocabulary: number): Grammar | TooLarge => {
  const bytesPerState = 5 * vocabulary
  const states = explore(start, Math.floor(maximumBytes / bytesPerState))
  if (typeof states === "number") return { states, bytes: states * bytesPerState }
  const allowed = new Uint8Array(states.length * vocabulary)
  const next = new Int32Array(states.length * vocabulary)
  const nothing = new Set<number>()
  const freely = new Set<number>()
  states.forEach(({ edges, free }, state) => {
    const row = state * vocabulary
    if (free !== undefined) {
      freely.add(state)
      for (let token = 0; token < vocabulary; token++) {
        if (!free.allows(token)) continue
        allowed[row + token] = 1
        next[row + token] = free.to
      }
    }
    for (const [token, edge] of edges) {
      allowed[row + token] = 1
      next[row + token] = edge.to
      if (edge.nothing) nothing.add(row + token)
    }
  })
  const digest = createHash("sha256").update(allowed).update(new Uint8Array(next.buffer))
    .update(Int32Array.from(nothing).sort()).digest("hex").slice(0, 16)
  return { id: `${name}/${digest}`, states: states.length, vocabulary, allowed, next, nothing, free: freely }
}
