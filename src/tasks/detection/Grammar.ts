/**
 * The grammar of boxes: a name where the task has names, four numbers of the codec's grid with area inside the
 * picture, and more of the same where there may be several; or `[]` for nothing.
 *
 * Only for `[x, y, width, height]`: which right edge is right of which left one is more than a few states can remember.
 * Numbers may be spelled in one token or in digits; that brackets, names and numbers are spelled alike wherever they
 * stand is checked before the grammar is handed out.
 */
import { Effect, Result } from "effect"
import { AnswerGrammar, type Automaton, Trie } from "../../dsl/grammar/index.ts"
import type { Form, GrammarError, Vocabulary } from "../../dsl/Task.ts"
import { type Grammar, Regex } from "../../kernels/generate/index.ts"
import type { Space } from "./Box.ts"
import type { Codec } from "./Codec.ts"

/** Multiples of the step that may stand at each of the four places. */
interface Numbers {
  readonly x: ReadonlyArray<number>
  readonly y: ReadonlyArray<number>
  readonly width: ReadonlyArray<number>
  readonly height: ReadonlyArray<number>
}

const multiples = (from: number, to: number, step: number) =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step)

/** What may be written, or why there is no grammar of it. */
const numbersOf = <S extends Space>(
  { grid: { height, step, width }, order, style }: Codec<S>
): Result.Result<Numbers, string> => {
  const without = "decode without a grammar"
  if (order !== "xywh") return Result.fail(`corners have no grammar, only [x, y, width, height] has one; ${without}`)
  if (style !== "list" && style !== "named") {
    return Result.fail(`boxes in ${style} style have no grammar, only those in list and named style; ${without}`)
  }
  if (!Number.isInteger(step) || !(width < Infinity && height < Infinity)) {
    return Result.fail(`only whole numbers up to a known end have a grammar; ${without}`)
  }
  return Result.succeed({
    x: multiples(0, width - step, step),
    y: multiples(0, height - step, step),
    width: multiples(step, width, step),
    height: multiples(step, height, step)
  })
}

/** How the tokenizer spells a box and what stands between boxes. */
interface Pieces {
  /** Up to the first number: of the first box, of a box in an outer list, of a later box. */
  readonly opens: ReadonlyArray<Trie.Tokens>
  readonly nested: ReadonlyArray<Trie.Tokens>
  readonly later: ReadonlyArray<Trie.Tokens>
  readonly places: ReadonlyArray<ReadonlyArray<Trie.Tokens>>
  /** From the last number to the end: of a box alone, of the last in an outer list. */
  readonly close: Trie.Tokens
  readonly closeList: Trie.Tokens
  /** `[]` to the end. */
  readonly nothing: Trie.Tokens
}

const pieces = <S extends Space>(
  codec: Codec<S>,
  { added, after, before, encode, opening }: AnswerGrammar.Spelling
): Result.Result<Pieces, string> =>
  Result.gen(function*() {
    const { height, width, x, y } = yield* numbersOf(codec)
    const places = [x, y, width, height]
    const names = codec.labels?.map((label) => `${label} [`) ?? ["["]
    const list = codec.style === "list" ? "[" : ""
    const [name = ""] = names
    const { step } = codec.grid
    const four = `${step}, ${step}, ${step}, ${step}`
    const all = (context: string, texts: ReadonlyArray<string>) => Result.all(texts.map((text) => added(context, text)))
    const spelled = {
      opens: yield* all(before, names),
      nested: list === "" ? [] : yield* all(before, names.map((text) => list + text)),
      later: yield* all(`${before}${list}${name}${four}`, names.map((text) => `], ${text}`)),
      places: yield* Result.all(places.map((values, k) =>
        all(
          `${before}${name}${Array.from({ length: k }, () => step).join(", ")}`,
          values.map((value) => k === 0 ? String(value) : `, ${value}`)
        )
      )),
      close: yield* added(`${before}${name}${four}`, `]${after}`),
      closeList: list === "" ? [] : yield* added(`${before}${list}${name}${four}], ${name}${four}`, `]]${after}`),
      nothing: yield* added(before, `[]${after}`)
    }
    // Every number at every place, every name first and later.
    const most = Math.max(
      ...places.map((values) => values.length),
      names.length
    )
    const box = (i: number) => places.map((values, k) => (7 * i + 3 * k) % values.length)
    const text = (at: ReadonlyArray<number>) => at.map((j, k) => places[k]?.[j]).join(", ")
    const tokens = (at: ReadonlyArray<number>) => at.flatMap((j, k) => spelled.places[k]?.[j] ?? [])
    for (let i = 0; i < 7 * most; i++) {
      const [one, two] = [i % names.length, (i + 1) % names.length]
      const [a, b] = [box(i), box(i + 1)]
      const written = `${before}${list}${names[one]}${text(a)}], ${names[two]}${text(b)}]${
        list === "" ? "" : "]"
      }${after}`
      const [open, close] = list === "" ? [spelled.opens, spelled.close] : [spelled.nested, spelled.closeList]
      const composed = [opening, open[one] ?? [], tokens(a), spelled.later[two] ?? [], tokens(b), close].flat()
      const alone = [opening, spelled.opens[one] ?? [], tokens(a), spelled.close].flat()
      if (
        !AnswerGrammar.same(encode(written), composed) ||
        !AnswerGrammar.same(encode(`${before}${names[one]}${text(a)}]${after}`), alone)
      ) {
        return yield* Result.fail(
          `the tokenizer does not spell names and numbers the same way everywhere: "${written}"`
        )
      }
    }
    return spelled
  })

const boxes = (spelled: Pieces, several: boolean, then: () => Automaton.Position): Automaton.Position => {
  const [opens, nested, later] = [Trie.make(spelled.opens), Trie.make(spelled.nested), Trie.make(spelled.later)]
  const places = spelled.places.map((sequences) => Trie.make(sequences))
  /** The `k`-th of four numbers and what follows; `kind` tells boxes apart that end differently. */
  const number = (kind: string, k: number, last: () => Automaton.Position): Automaton.Position => {
    const place = places[k]
    return place === undefined ? last() : AnswerGrammar.oneOf(`${kind}-${k}`, place, () => number(kind, k + 1, last))
  }
  const again = (kind: string, last: () => Automaton.Position): Automaton.Position =>
    AnswerGrammar.oneOf(`${kind}-later`, later, () => number(kind, 0, last))
  const inList = (): Automaton.Position =>
    AnswerGrammar.either(
      "in-list",
      () => [AnswerGrammar.chain("close-list", spelled.closeList, then), again("list", inList)]
    )
  const named = (): Automaton.Position =>
    several && spelled.nested.length === 0
      ? AnswerGrammar.either(
        "ended",
        () => [AnswerGrammar.chain("close-box", spelled.close, then), again("box", named)]
      )
      : AnswerGrammar.chain("close-box", spelled.close, then)
  return AnswerGrammar.either("start", () => [
    AnswerGrammar.oneOf("open", opens, () => number("box", 0, named)),
    ...(several ? [AnswerGrammar.nothing(spelled.nothing, then)] : []),
    ...(several && spelled.nested.length > 0
      ? [AnswerGrammar.oneOf("nested", nested, () => number("list", 0, inList))]
      : [])
  ])
}

/** `boxes` as text. */
const regexOf = <S extends Space>(codec: Codec<S>, several: boolean): Result.Result<string, string> =>
  Result.map(numbersOf(codec), ({ height, width, x, y }) => {
    const [left, top, across, down] = [x, y, width, height].map((values) => Regex.oneOfTexts(values.map(String)))
    const name = codec.labels === undefined ? "" : `${Regex.oneOfTexts(codec.labels)} `
    const box = `${name}\\[${left}, ${top}, ${across}, ${down}\\]`
    const more = `${box}(?:, ${box})*`
    if (!several) return box
    return Regex.oneOf(["\\[\\]", ...codec.style === "list" ? [box, `\\[${more}\\]`] : [more]])
  })

/**
 * Compiles the grammar (see `AnswerGrammar.compile`). Every text it accepts decodes under the task's codec; every
 * annotation inside the picture is accepted as it is written.
 *
 * @param several whether any number of boxes is an answer, none included; else exactly one
 */
export const compile = <S extends Space>(
  task: string,
  codec: Codec<S>,
  several: boolean,
  vocabulary: Vocabulary,
  form: Form
): Effect.Effect<Grammar, GrammarError> =>
  AnswerGrammar.compile(
    task,
    vocabulary,
    form,
    (spelling) =>
      Result.map(
        Result.all([pieces(codec, spelling), regexOf(codec, several)]),
        ([spelled, regex]): AnswerGrammar.Inside => ({
          // The brackets that end a box may be one token with what ends the answer.
          close: [],
          answer: (then) => boxes(spelled, several, then),
          texts: { regex }
        })
      )
  )
