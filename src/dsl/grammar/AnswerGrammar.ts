/**
 * What stands around an annotation, the same for every task: nothing in the bare answer, reasoning and tags in the
 * think-answer.
 *
 * Token sequences are read off the tokenizer by encoding whole texts, never guessed.
 */
import { Effect, Result } from "effect"
import { type Grammar, Regex, type Texts } from "../../kernels/generate/index.ts"
import { type Form, GrammarError, type Vocabulary } from "../Task.ts"
import * as Automaton from "./Automaton.ts"
import * as Trie from "./Trie.ts"

export const same = (a: Trie.Tokens, b: Trie.Tokens) => a.length === b.length && a.every((token, i) => token === b[i])

/**
 * How a tokenizer spells what stands around an answer, and the means to read off how it spells the answer's own pieces.
 */
export interface Spelling {
  readonly form: Form
  readonly vocabulary: Vocabulary
  readonly encode: (text: string) => Trie.Tokens
  /** What `text` adds to `before`; fails where the tokenizer joins the two. */
  readonly added: (before: string, text: string) => Result.Result<Trie.Tokens, string>
  /** An answer stands after this text and before `after`. */
  readonly before: string
  readonly after: string
  /**
   * The tokens of `before`, without those of its end that the tokenizer may join with an answer (the `>` of `<answer>`
   * in Qwen's `>s`, `now`). An answer's first piece, `added(before, …)`, begins with what is left out.
   */
  readonly opening: Trie.Tokens
  /** `<think>` and `</think><answer>`, cut as `opening` is; empty in the answer form. */
  readonly open: Trie.Tokens
  readonly middle: Trie.Tokens
}

/**
 * Reads the spelling off the tokenizer. The failure says what it joins.
 *
 * @param cut tokens at the end of `</think><answer>` that are told as part of the answer
 */
const make = (vocabulary: Vocabulary, form: Form, cut: number): Result.Result<Spelling, string> => {
  const encode = (text: string): Trie.Tokens => [...vocabulary.encode(text)]
  const think = form === "think"
  const open = think ? encode("<think>") : []
  const middle = think ? encode("</think><answer>") : []
  if (think) {
    for (const probe of ["a", "one word.", "really!", "two words\n", "(so)"]) {
      const all = encode(`<think>${probe}</think><answer>`)
      const inside = all.slice(open.length, all.length - middle.length)
      const splits = same(all.slice(0, open.length), open) && same(all.slice(all.length - middle.length), middle)
      if (!splits || inside.length === 0 || inside.some((token) => token === middle[0])) {
        return Result.fail(
          `the tokenizer joins <think>, </think> or <answer> with the text beside it; use the "answer" form`
        )
      }
    }
  }
  const before = think ? "<think>a</think><answer>" : ""
  const uncut = (tokens: Trie.Tokens) => tokens.slice(0, tokens.length - cut)
  const opening = uncut(encode(before))
  return Result.succeed({
    form,
    vocabulary,
    encode,
    added: (context, text) => {
      const start = context === before ? opening : encode(context)
      const all = encode(context + text)
      return same(all.slice(0, start.length), start) && (all.length > start.length || text === "")
        ? Result.succeed(all.slice(start.length))
        : Result.fail(`the tokenizer joins "${text}" with the text before it in "${context + text}"`)
    },
    before,
    after: think ? "</answer>" : "",
    opening,
    open,
    middle: uncut(middle)
  })
}

/** A fixed sequence of tokens and what follows it. Chains of one name have one continuation. */
export const chain = (
  name: string,
  [token, ...rest]: Trie.Tokens,
  then: () => Automaton.Position
): Automaton.Position =>
  token === undefined
    ? then()
    : { key: `${name}-${rest.length}`, edges: () => [[token, chain(name, rest, then)]] }

/** How an annotation of nothing is spelled, and what follows it. */
export const nothing = ([token, ...rest]: Trie.Tokens, then: () => Automaton.Position): Automaton.Position =>
  token === undefined
    ? then()
    : { key: `nothing-${rest.length}`, edges: () => [[token, nothing(rest, then), true]] }

/** Any one of a trie's sequences and what follows it. Walks of one name have one continuation. */
export const oneOf = (name: string, node: Trie.Node, then: () => Automaton.Position): Automaton.Position => ({
  key: `${name}-${node.id}`,
  edges: () =>
    [...node.next].flatMap(([token, child]) => [
      ...(child.next.size > 0 ? [[token, oneOf(name, child, then)] as const] : []),
      ...(child.ends ? [[token, then()] as const] : [])
    ])
})

/** Where several ways on stand side by side. */
export const either = (name: string, ways: () => ReadonlyArray<Automaton.Position>): Automaton.Position => ({
  key: name,
  edges: () => ways().flatMap((way) => way.edges())
})

/** What trimming takes away, alone and in the mixtures that vocabularies have as one token. */
const blanks: ReadonlyArray<string> = (() => {
  const common = [" ", "\n", "\t", "\r"]
  const pairs = common.flatMap((a) => common.map((b) => a + b))
  const rare = Array.from(
    "\v\f\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007" +
      "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
  )
  return [
    ...common,
    ...pairs,
    ...pairs.flatMap((pair) => common.map((c) => pair + c)),
    ...common.flatMap((c) => [c.repeat(4), c.repeat(8)]),
    ...rare
  ]
})()

/** What free text never contains. A tag of several tokens is kept out by its first. */
export const controlTokens = (
  { encode, endOfTurn, specials = new Set() }: Omit<Vocabulary, "size">
): ReadonlySet<number> =>
  new Set([
    ...specials,
    endOfTurn,
    ...["<think>", "</think>", "<answer>", "</answer>"].map((tag) => encode(tag)[0] ?? endOfTurn)
  ])

/**
 * The start of a whole text around an annotation.
 *
 * @param close how the tokenizer spells what ends the answer: `after`, with whatever of the annotation it cannot be
 * parted from
 * @param answer the annotation, given what follows it
 */
const around = (
  spelling: Spelling,
  close: Trie.Tokens,
  answer: (then: () => Automaton.Position) => Automaton.Position
): Automaton.Position => {
  const { form, middle, open, vocabulary } = spelling
  const end: Automaton.Position = { key: "end", edges: () => [[vocabulary.endOfTurn, end]] }
  const start = () => answer(() => chain("after-answer", close, () => end))
  if (form === "answer") return start()

  // Free text: anything but control tokens, and not blank all the way.
  const control = controlTokens(vocabulary)
  const blank = new Set(
    blanks.map((space) => vocabulary.encode(space)).flatMap((tokens) => tokens.length === 1 ? [...tokens] : [])
  )
  const text: Automaton.Position = {
    key: "text",
    edges: () => chain("after-thought", middle, start).edges(),
    free: { to: () => text, allows: (token) => !control.has(token) }
  }
  const nothingYet: Automaton.Position = {
    key: "nothing-yet",
    edges: () => [...blank].filter((token) => !control.has(token)).map((token) => [token, nothingYet] as const),
    free: { to: () => text, allows: (token) => !control.has(token) }
  }
  return chain("before-thought", open, () => nothingYet)
}

/** An annotation's part of a grammar. */
export interface Inside {
  readonly close: Trie.Tokens
  readonly answer: (then: () => Automaton.Position) => Automaton.Position
  /**
   * The annotation apart from tokens, where that is known: a regular expression, or rules in EBNF, the first of which
   * is named `annotation`. Servers hold texts to it.
   */
  readonly texts?: Texts | undefined
}

/** The whole text around an annotation, as `around` has it. */
const textsAround = (form: Form, annotation: Texts) => (characters: number): Texts => {
  const [open, close] = form === "think" ? ["</think><answer>", "</answer>"] : ["", ""]
  const thought = form === "think" ? Regex.freeText(characters) : []
  if ("regex" in annotation) {
    return { regex: `${form === "think" ? "<think>" : ""}${thought.join("")}${open}${annotation.regex}${close}` }
  }
  const root = form === "think" ? `"<think>" ${thought.join(" ")} "${open}" annotation "${close}"` : "annotation"
  return { ebnf: `root ::= ${root}\n${annotation.ebnf}` }
}

/**
 * Compiles a grammar:
 *
 * - `answer`: the bare annotation, then the end of turn;
 * - `think`: `<think>`, at least one token of free text that is not blank, `</think><answer>`, the annotation,
 *   `</answer>`, the end of turn.
 *
 * The end of turn leads to a last state that allows only itself.
 *
 * @param inside reads the annotation's pieces off the tokenizer, or says why it cannot
 */
export const compile = (
  task: string,
  vocabulary: Vocabulary,
  form: Form,
  inside: (spelling: Spelling) => Result.Result<Inside, string>
): Effect.Effect<Grammar, GrammarError> =>
  Effect.gen(function*() {
    const fail = (reason: string) => new GrammarError({ task, reason })
    const read = (cut: number) =>
      Result.flatMap(make(vocabulary, form, cut), (spelling) =>
        Result.map(inside(spelling), (parts) => ({ ...parts, spelling })))
    const plain = read(0)
    const joined = Result.isFailure(plain) && form === "think" ? read(1) : plain
    // Where neither reads, the plain one says what is joined with what.
    const { answer, close, spelling, texts } = yield* Effect.mapError(
      Effect.fromResult(Result.isFailure(joined) ? plain : joined),
      fail
    )
    const built = Automaton.build(`${task}/${form}`, around(spelling, close, answer), vocabulary.size)
    if ("bytes" in built) {
      return yield* fail(
        `the tables need more than ${built.states} states × ${vocabulary.size} tokens (${
          Math.round(built.bytes / 2 ** 20)
        } MiB), ` +
          `at most ${Automaton.maximumBytes / 2 ** 20} MiB are built; decode without a grammar`
      )
    }
    return texts === undefined ? built : { ...built, texts: textsAround(form, texts) }
  })

/** Compiling encodes a thousand texts: one grammar per tokenizer and form. */
export const cached = (compile: (vocabulary: Vocabulary, form: Form) => Effect.Effect<Grammar, GrammarError>) => {
  const grammars = new WeakMap<Vocabulary["encode"], Map<string, Grammar>>()
  return (vocabulary: Vocabulary, form: Form) =>
    Effect.suspend(() => {
      const known = grammars.get(vocabulary.encode) ?? new Map<string, Grammar>()
      grammars.set(vocabulary.encode, known)
      const key = [form, vocabulary.size, vocabulary.endOfTurn, ...vocabulary.specials ?? []].join()
      const grammar = known.get(key)
      if (grammar !== undefined) return Effect.succeed(grammar)
      return Effect.tap(compile(vocabulary, form), (made) => Effect.sync(() => known.set(key, made)))
    })
}
