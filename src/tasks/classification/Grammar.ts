/**
 * The format mask of a soft-label answer: labels that are not used yet → a number from 1 to 100 → a label or the end.
 *
 * Token sequences are read off the tokenizer by encoding whole answers, never guessed, so any tokenizer works that writes
 * labels and numbers the same way wherever they stand: one token each, or several (walked as a trie). Whether it does is
 * checked on every label with every number before the mask is handed out.
 */
import { Effect, Result } from "effect"
import { GrammarError, type Vocabulary } from "../../dsl/Task.ts"
import type { Grammar } from "../../kernels/generate/Grammar.ts"
import * as Automaton from "./Automaton.ts"

type Tokens = ReadonlyArray<number>
export type Form = "answer" | "think"

/** Used labels are a set in the state, so states double with each label. */
export const maximumLabels = 8

/** A node of a token trie: what is complete here, and what can still be completed here or below, as bits. */
interface Node {
  readonly id: number
  readonly next: ReadonlyMap<number, Node>
  readonly ends: number
  readonly reach: number
}

/**
 * Trie of the sequences; the i-th is marked by bit `mark(i)`. Equal branches are one node: of the numbers written in digits,
 * those that begin with 2 to 9 go on alike.
 */
const trie = (sequences: ReadonlyArray<Tokens>, mark: (i: number) => number): Node => {
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

/** How the tokenizer spells every piece of an answer. */
interface Pieces {
  /** `<think>` and `</think><answer>`; empty in the answer form. */
  readonly open: Tokens
  readonly middle: Tokens
  readonly first: ReadonlyArray<Tokens>
  readonly later: ReadonlyArray<Tokens>
  readonly numbers: ReadonlyArray<Tokens>
  readonly close: Tokens
}

const hundred = Array.from({ length: 100 }, (_, i) => i + 1)
const same = (a: Tokens, b: Tokens) => a.length === b.length && a.every((token, i) => token === b[i])

/** Reads the pieces off whole encoded answers and checks that they compose. The failure names the text that does not. */
const pieces = (vocabulary: Vocabulary, labels: ReadonlyArray<string>, form: Form): Result.Result<Pieces, string> =>
  Result.gen(function*() {
    const encode = (text: string): Tokens => [...vocabulary.encode(text)]
    /** What `text` adds to `before`. */
    const added = (before: string, text: string) => {
      const start = encode(before)
      const all = encode(before + text)
      return same(all.slice(0, start.length), start) && all.length > start.length
        ? Result.succeed(all.slice(start.length))
        : Result.fail(`the tokenizer joins "${text}" with the text before it in "${before + text}"`)
    }
    const think = form === "think"
    const open = think ? encode("<think>") : []
    const middle = think ? encode("</think><answer>") : []
    if (think) {
      for (const probe of ["a", "one word.", "really!", "two words\n", "(so)"]) {
        const all = encode(`<think>${probe}</think><answer>`)
        const inside = all.slice(open.length, all.length - middle.length)
        const splits = same(all.slice(0, open.length), open) && same(all.slice(all.length - middle.length), middle)
        if (!splits || inside.length === 0 || inside.some((token) => token === middle[0])) {
          return yield* Result.fail(`the tokenizer joins <think>, </think> or <answer> with the text beside it; use the "answer" form`)
        }
      }
    }
    const before = think ? "<think>a</think><answer>" : ""
    const after = think ? "</answer>" : ""
    const [one = "", two = ""] = labels
    const first = yield* Result.all(labels.map((label) => added(before, label)))
    const later = yield* Result.all(labels.map((label) => added(`${before}${label === one ? two : one} 1`, ` ${label}`)))
    const numbers = yield* Result.all(hundred.map((n) => added(before + one, ` ${n}`)))
    const close = think ? yield* added(`${before}${one} 1`, after) : []

    const start = encode(before)
    const number = (n: number) => numbers[n - 1] ?? []
    /** Every label opens and follows, before and after every number, and every pair of labels meets once. */
    for (const [i, label] of labels.entries()) {
      for (const [j, other] of labels.entries()) {
        for (const n of i === j ? [] : (i + 1) % labels.length === j ? hundred : [1 + (7 * i + j) % 100]) {
          const text = `${before}${label} ${n} ${other} ${101 - n}${after}`
          const composed = [start, first[i] ?? [], number(n), later[j] ?? [], number(101 - n), close].flat()
          if (!same(encode(text), composed)) {
            return yield* Result.fail(`the tokenizer does not spell labels and numbers the same way everywhere: "${text}"`)
          }
        }
      }
    }
    return { open, middle, first, later, numbers, close }
  })

/** Positions of the automaton, from the end of the text to its start. */
const positions = (labels: number, spelled: Pieces, vocabulary: Vocabulary, form: Form): Automaton.Position => {
  const all = 2 ** labels - 1
  const first = trie(spelled.first, (i) => 1 << i)
  const later = trie(spelled.later, (i) => 1 << i)
  const numbers = trie(spelled.numbers, () => 1)

  const end: Automaton.Position = { key: "end", edges: () => [[vocabulary.endOfTurn, end]] }
  /** A fixed sequence of tokens and what follows it. */
  const chain = (name: string, [token, ...rest]: Tokens, then: () => Automaton.Position): Automaton.Position =>
    token === undefined
      ? then()
      : { key: `${name}-${rest.length}`, edges: () => [[token, chain(name, rest, then)]] }
  const close = () => chain("close", spelled.close, () => end)

  const label = (used: number, node: Node): Automaton.Position => ({
    key: `label-${used}-${node.id}`,
    edges: () =>
      [...node.next].flatMap(([token, child]) => {
        const ended = Array.from({ length: labels }, (_, i) => 1 << i).filter((bit) => child.ends & ~used & bit)
        const deeper = [...child.next.values()].some((below) => below.reach & ~used)
        return [
          ...ended.map((bit) => [token, number(used | bit, numbers)] as const),
          ...(deeper ? [[token, label(used, child)] as const] : [])
        ]
      })
  })
  const number = (used: number, node: Node): Automaton.Position => ({
    key: `number-${used}-${node.id}`,
    edges: () =>
      [...node.next].flatMap(([token, child]) => [
        ...(child.next.size > 0 ? [[token, number(used, child)] as const] : []),
        ...(child.ends ? [[token, close()] as const] : []),
        ...(child.ends && used !== all ? [[token, label(used, later)] as const] : [])
      ])
  })
  if (form === "answer") return label(0, first)

  // Free text: anything but control tokens, and not blank all the way. A tag of several tokens is kept out by its first.
  const firstOf = (text: string) => vocabulary.encode(text)[0] ?? -1
  const control = new Set([
    ...vocabulary.specials ?? [],
    vocabulary.endOfTurn,
    ...["<think>", "</think>", "<answer>", "</answer>"].map(firstOf)
  ])
  const blank = new Set(
    [" ", "\n", "\t", "\r"].flatMap((space) => [1, 2, 3, 4, 8].map((count) => vocabulary.encode(space.repeat(count))))
      .flatMap((tokens) => tokens.length === 1 ? [...tokens] : [])
  )
  const text: Automaton.Position = {
    key: "text",
    edges: () => chain("middle", spelled.middle, () => label(0, first)).edges(),
    free: { to: () => text, allows: (token) => !control.has(token) }
  }
  const nothingYet: Automaton.Position = {
    key: "nothing-yet",
    edges: () => [...blank].filter((token) => !control.has(token)).map((token) => [token, nothingYet] as const),
    free: { to: () => text, allows: (token) => !control.has(token) }
  }
  return chain("open", spelled.open, () => nothingYet)
}

/**
 * Compiles the mask. Every text it accepts decodes under the task's codec; every written annotation is accepted.
 *
 * - `answer`: the bare annotation, then the end of turn;
 * - `think`: `<think>`, at least one token of free text that is not blank, `</think><answer>`, the annotation, `</answer>`, the
 *   end of turn.
 *
 * The end of turn leads to a last state that allows only itself.
 */
export const compile = (
  task: string,
  labels: ReadonlyArray<string>,
  vocabulary: Vocabulary,
  form: Form
): Effect.Effect<Grammar, GrammarError> =>
  Effect.gen(function*() {
    const fail = (reason: string) => new GrammarError({ task, reason })
    if (labels.length > maximumLabels) {
      return yield* fail(`${labels.length} labels need ${2 ** labels.length} sets of used labels, at most ${maximumLabels} labels can be masked; decode without a mask`)
    }
    const spelled = yield* Effect.mapError(Effect.fromResult(pieces(vocabulary, labels, form)), fail)
    const built = Automaton.build(`${task}/${form}`, positions(labels.length, spelled, vocabulary, form), vocabulary.size)
    if ("bytes" in built) {
      return yield* fail(
        `the tables need more than ${built.states} states × ${vocabulary.size} tokens (${Math.round(built.bytes / 2 ** 20)} MiB), ` +
          `at most ${Automaton.maximumBytes / 2 ** 20} MiB are built; decode without a mask`
      )
    }
    return built
  })
