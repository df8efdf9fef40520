/**
 * The grammar of a soft-label answer: labels that are not used yet → a number from 1 to 100 → a label or the end.
 * Of a single-label answer: one of the labels.
 *
 * Any tokenizer works that writes labels and numbers the same way wherever they stand: one token each, or several
 * (walked as a trie). Whether it does is checked on every label with every number before the grammar is handed out.
 */
import { Effect, Result } from "effect"
import { AnswerGrammar, type Automaton, Trie } from "../../dsl/grammar/index.ts"
import { type Form, GrammarError, type Vocabulary } from "../../dsl/Task.ts"
import { type Grammar, Regex, type Texts } from "../../kernels/generate/index.ts"

/** Used labels are a set in the state, so states double with each label. */
const maximumLabels = 8

/** How the tokenizer spells every piece of an answer. */
interface Pieces {
  readonly first: ReadonlyArray<Trie.Tokens>
  readonly later: ReadonlyArray<Trie.Tokens>
  readonly numbers: ReadonlyArray<Trie.Tokens>
  readonly close: Trie.Tokens
}

const hundred = Array.from({ length: 100 }, (_, i) => i + 1)

/**
 * Reads the pieces off whole encoded answers and checks that they compose. The failure names the text that does not.
 */
const pieces = (
  { added, after, before, encode, opening }: AnswerGrammar.Spelling,
  labels: ReadonlyArray<string>
): Result.Result<Pieces, string> =>
  Result.gen(function*() {
    const [one = "", two = ""] = labels
    const first = yield* Result.all(labels.map((label) => added(before, label)))
    const later = yield* Result.all(
      labels.map((label) => added(`${before}${label === one ? two : one} 1`, ` ${label}`))
    )
    const numbers = yield* Result.all(hundred.map((n) => added(before + one, ` ${n}`)))
    const close = yield* added(`${before}${one} 1`, after)

    const number = (n: number) => numbers[n - 1] ?? []
    /** Every label opens and follows, before and after every number, and every pair of labels meets once. */
    for (const [i, label] of labels.entries()) {
      for (const [j, other] of labels.entries()) {
        for (const n of i === j ? [] : (i + 1) % labels.length === j ? hundred : [1 + (7 * i + j) % 100]) {
          const text = `${before}${label} ${n} ${other} ${101 - n}${after}`
          const composed = [opening, first[i] ?? [], number(n), later[j] ?? [], number(101 - n), close].flat()
          if (!AnswerGrammar.same(encode(text), composed)) {
            return yield* Result.fail(
              `the tokenizer does not spell labels and numbers the same way everywhere: "${text}"`
            )
          }
        }
      }
    }
    return { first, later, numbers, close }
  })

/** Labels and numbers in turn, no label twice. */
const distribution = (labels: number, spelled: Pieces, then: () => Automaton.Position): Automaton.Position => {
  const all = 2 ** labels - 1
  const first = Trie.make(spelled.first, (i) => 1 << i)
  const later = Trie.make(spelled.later, (i) => 1 << i)
  const numbers = Trie.make(spelled.numbers)

  const label = (used: number, node: Trie.Node): Automaton.Position => ({
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
  const number = (used: number, node: Trie.Node): Automaton.Position => ({
    key: `number-${used}-${node.id}`,
    edges: () =>
      [...node.next].flatMap(([token, child]) => [
        ...(child.next.size > 0 ? [[token, number(used, child)] as const] : []),
        ...(child.ends ? [[token, then()] as const] : []),
        ...(child.ends && used !== all ? [[token, label(used, later)] as const] : [])
      ])
  })
  return label(0, first)
}

/**
 * Most labels whose answers are written as a regular expression: it can only remember which are used by writing every
 * order out, 10 kB for five labels and six times as much for six. Rules are named by the labels that are left.
 */
const mostWrittenOut = 5

/** `distribution` apart from tokens: labels and numbers in turn, no label twice. */
const textsOf = (labels: ReadonlyArray<string>): Texts => {
  const all = 2 ** labels.length - 1
  const unused = (used: number) => labels.flatMap((label, i) => used & 1 << i ? [] : [[label, used | 1 << i] as const])
  if (labels.length <= mostWrittenOut) {
    const numbers = Regex.oneOfTexts(hundred.map(String))
    const from = (used: number): string =>
      Regex.oneOf(
        unused(used).map(([label, then]) =>
          `${Regex.literal(label)} ${numbers}${then === all ? "" : `(?: ${from(then)})?`}`
        )
      )
    return { regex: from(0) }
  }
  const rule = (used: number) =>
    unused(used).map(([label, then]) =>
      `${JSON.stringify(`${label} `)} number${then === all ? "" : ` (" " used${then})?`}`
    ).join(" | ")
  return {
    ebnf: [
      `annotation ::= ${rule(0)}`,
      ...Array.from({ length: all - 1 }, (_, i) => `used${i + 1} ::= ${rule(i + 1)}`),
      "number ::= \"100\" | [1-9] [0-9]?"
    ].join("\n")
  }
}

/**
 * Compiles the grammar (see `AnswerGrammar.compile`). Every text it accepts decodes under the task's codec; every
 * written annotation is accepted.
 */
export const compile = (
  task: string,
  labels: ReadonlyArray<string>,
  vocabulary: Vocabulary,
  form: Form
): Effect.Effect<Grammar, GrammarError> =>
  AnswerGrammar.compile(task, vocabulary, form, (spelling) =>
    labels.length > maximumLabels
      ? Result.fail(
        `${labels.length} labels need ${
          2 ** labels.length
        } sets of used labels, at most ${maximumLabels} labels can have a grammar; decode without one`
      )
      : Result.map(pieces(spelling, labels), (spelled): AnswerGrammar.Inside => ({
        close: spelled.close,
        answer: (then) => distribution(labels.length, spelled, then),
        texts: textsOf(labels)
      })))

/** Compiles the grammar of answers that are one label. */
export const compileSingle = (
  task: string,
  labels: ReadonlyArray<string>,
  vocabulary: Vocabulary,
  form: Form
): Effect.Effect<Grammar, GrammarError> =>
  AnswerGrammar.compile(task, vocabulary, form, (spelling) =>
    Result.gen(function*() {
      const { added, after, before, encode, opening } = spelling
      const first = yield* Result.all(labels.map((label) => added(before, label)))
      const close = yield* added(`${before}${labels[0] ?? ""}`, after)
      for (const [i, label] of labels.entries()) {
        const text = `${before}${label}${after}`
        if (!AnswerGrammar.same(encode(text), [opening, first[i] ?? [], close].flat())) {
          return yield* Result.fail(`the tokenizer joins the label with the text around it: "${text}"`)
        }
      }
      const trie = Trie.make(first)
      return {
        close,
        answer: (then) => AnswerGrammar.oneOf("label", trie, then),
        texts: { regex: Regex.oneOfTexts(labels) }
      }
    }))
