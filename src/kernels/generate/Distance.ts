/**
 * How far it is to the end of a text under a grammar, so that no draw is cut off in the middle of one.
 *
 * With `left` tokens to draw, only those may be drawn whose way to the end fits into `left`. That is a mask of the
 * state and of `left` alone: the same in sampling and in scoring.
 */
import { less, reshape, scalar, type Tensor, where } from "../graph/index.ts"
import type { Grammar } from "./Grammar.ts"

/** What a token may need (see `needs`): more than any budget, and more than no budget at all. */
export const Need = { endless: 1e8, unlimited: 2e8, forbidden: 1e9 } as const

/** Most tokens that are kept for what follows free text, beyond the least: what an annotation takes asked alone. */
export const mostRoom = 64

/** Distances of a grammar's states from the end. */
export interface Distance {
  /** `[states]`: least number of tokens to the end, the end included; `Need.endless` where none is ever reached. */
  readonly least: Float64Array
  /** `[states]`: the greatest need of a token that may be drawn (see `needs`), if its text ends at all. */
  readonly most: Float64Array
  /**
   * `[states]`: where free text may go on, how many tokens more than the least what follows it may take, at most
   * `mostRoom`; 0 elsewhere. The shortest answer is rarely the right one.
   */
  readonly room: Int32Array
}

/** Where the tokens of a state lead, each place once, and whether one of them ends the text. */
interface Ways {
  readonly to: ReadonlyArray<number>
  readonly ends: boolean
}

const waysOf = (
  { allowed, next, states, vocabulary }: Grammar,
  ends: ReadonlySet<number>
): ReadonlyArray<Ways> =>
  Array.from({ length: states }, (_, state) => {
    const to = new Set<number>()
    let ended = false
    let last = -1
    for (let token = 0; token < vocabulary; token++) {
      const cell = state * vocabulary + token
      if (allowed[cell] !== 1) continue
      const there = next[cell] ?? 0
      if (ends.has(token)) ended = true
      else if (there !== last) to.add(last = there)
    }
    return { to: [...to], ends: ended }
  })

const leastOf = (ways: ReadonlyArray<Ways>): Float64Array => {
  const least = new Float64Array(ways.length).fill(Need.endless)
  const before = ways.map((): Array<number> => [])
  ways.forEach(({ to }, state) => to.forEach((there) => before[there]?.push(state)))
  let reached = ways.flatMap(({ ends }, state) => ends ? [state] : [])
  for (let tokens = 1; reached.length > 0; tokens++) {
    for (const state of reached) least[state] = tokens
    reached = [...new Set(reached.flatMap((state) => before[state] ?? []))].filter((state) =>
      least[state] === Need.endless
    )
  }
  return least
}

/** Most tokens from the end of free text to the end of all, as far as they are no more than `enough`. */
const mostAfter = (ways: ReadonlyArray<Ways>, free: ReadonlySet<number>, state: number, enough: number): number => {
  let here = new Set(ways[state]?.to.filter((to) => !free.has(to)))
  let most = 0
  for (let tokens = 2; here.size > 0 && tokens <= enough; tokens++) {
    if ([...here].some((at) => ways[at]?.ends)) most = tokens
    here = new Set([...here].flatMap((at) => ways[at]?.to.filter((to) => !free.has(to)) ?? []))
  }
  return most
}

const known = new WeakMap<Grammar, Map<string, Distance>>()

/** Distances under the tokens that end a turn; made once for a grammar. */
export const of = (grammar: Grammar, ends: ReadonlyArray<number>): Distance => {
  const made = known.get(grammar) ?? new Map<string, Distance>()
  known.set(grammar, made)
  const found = made.get(ends.join())
  if (found !== undefined) return found
  const { free = new Set<number>() } = grammar
  const ways = waysOf(grammar, new Set(ends))
  const least = leastOf(ways)
  const room = new Int32Array(ways.length)
  for (const state of free) {
    const shortest = least[state] ?? Need.endless
    // What never ends has no room either, and a search for it would not end.
    if (shortest >= Need.endless) continue
    room[state] = Math.max(0, mostAfter(ways, free, state, shortest + mostRoom) - shortest)
  }
  const finite = (states: ReadonlyArray<number>) =>
    states.map((state) => least[state] ?? Need.endless).filter((need) => need < Need.endless)
  const most = Float64Array.from(ways, ({ ends, to }) => Math.max(ends ? 1 : 0, ...finite(to).map((need) => 1 + need)))
  const distance = { least, most, room }
  made.set(ends.join(), distance)
  return distance
}

/** Tokens that the shortest text of a grammar takes; `Need.endless` where none ends. */
export const shortest = ({ least }: Distance): number => least[0] ?? Need.endless

/** The need of one token: of cell `state · vocabulary + token`. */
export const need = (
  { allowed, next, vocabulary }: Grammar,
  { least }: Distance,
  ends: ReadonlySet<number>,
  cell: number
) =>
  allowed[cell] !== 1
    ? Need.forbidden
    : ends.has(cell % vocabulary)
    ? 1
    : Math.min(Need.endless, 1 + (least[next[cell] ?? 0] ?? Need.endless))

/**
 * `[states, vocabulary]` into `into`: the least number of tokens to the end of a text that goes on with this one,
 * itself and the end included.
 */
export const needs = (grammar: Grammar, distance: Distance, ends: ReadonlyArray<number>, into: Float32Array): void => {
  const ending = new Set(ends)
  for (let cell = 0; cell < into.length; cell++) into[cell] = need(grammar, distance, ending, cell)
}

/**
 * What may be spent from the start, by the state at hand: all of it, but less in free text, which leaves room for what
 * follows, though at most half of what is to spare. Without `maxTokens`: no limit.
 */
export const budgets = (distance: Distance, maxTokens?: number): Float32Array => {
  if (maxTokens === undefined) return new Float32Array(distance.least.length).fill(Need.unlimited)
  const spare = Math.max(0, Math.floor((maxTokens - shortest(distance)) / 2))
  return Float32Array.from(distance.room, (room) => maxTokens - Math.min(room, spare))
}

/**
 * Tokens that what is drawn next may need, after `drawn` tokens: never less than the way to the end from here, so that
 * something can always be drawn.
 */
export const left = ({ least }: Distance, budgets: Float32Array, state: number, drawn: number): number =>
  Math.max((budgets[state] ?? Need.unlimited) - drawn, least[state] ?? 0)

/**
 * The additive mask `[rows, vocabulary]`.
 *
 * @param need `[rows, vocabulary]`, of `needs`
 * @param left `[rows]`
 */
export const mask = (need: Tensor, left: Tensor): Tensor =>
  where(less(reshape(left, [left.shape[0] as number, 1]), need), scalar(-1e9), scalar(0))
