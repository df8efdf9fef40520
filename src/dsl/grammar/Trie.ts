/**
 * Token sequences that begin alike, as a tree whose equal branches are one node.
 */

/** What a text is spelled as. */
export type Tokens = ReadonlyArray<number>

/** A node: what is complete here, and what can still be completed here or below, as bits. */
export interface Node {
  readonly id: number
  readonly next: ReadonlyMap<number, Node>
  readonly ends: number
  readonly reach: number
}

/**
 * Trie of the sequences; the i-th is marked by bit `mark(i)`. Equal branches are one node: of the numbers written in
 * digits, those that begin with 2 to 9 go on alike.
 */
export const make = (sequences: ReadonlyArray<Tokens>, mark: (i: number) => number = () => 1): Node => {
  const nodes = new Map<string, Node>()
  const grow = (members: ReadonlyArray<number>, depth: number): Node => {
    const branches = new Map<number, Array<number>>()
    let ends = 0
    for (const i of members) {
      const token = sequences[i]?.[depth]
      if (token === undefined) ends |= mark(i)
      else branches.set(token, [...branches.get(token) ?? [], i])
    }
    const next = new Map([...branches].map(([token, below]) => [token, grow(below, depth + 1)]))
    const key = `${ends}:${[...next].map(([token, child]) => `${token}>${child.id}`).sort().join()}`
    const known = nodes.get(key)
    if (known !== undefined) return known
    const reach = [...next.values()].reduce((bits, child) => bits | child.reach, ends)
    const node = { id: nodes.size, next, ends, reach }
    nodes.set(key, node)
    return node
  }
  return grow([...sequences.keys()], 0)
}
