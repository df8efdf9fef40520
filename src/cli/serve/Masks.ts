/**
 * Which grammar a request's texts are held to.
 *
 * The model's own question is asked under the grammar of its answers, as `rise annotate` asks it, unless `mask` is
 * false. `structured_outputs`, as vLLM calls it, may name that grammar by its regular expression (or EBNF) or be a text
 * that is to be written as it stands: what `Policy.openai({ grammars: true })` sends.
 */
import { Effect, Option } from "effect"
import * as AnswerGrammar from "../../dsl/grammar/AnswerGrammar.ts"
import * as Automaton from "../../dsl/grammar/Automaton.ts"
import { placeholder } from "../../dsl/Question.ts"
import type { Form } from "../../dsl/Task.ts"
import { type Grammar, Regex, type Texts } from "../../kernels/generate/index.ts"
import { show } from "../../kernels/text/show.ts"
import type { Tokenizer } from "../../policy/Policy.ts"
import type { Kind } from "../annotations/Kind.ts"
import type { Fields } from "./ChatFields.ts"
import * as Fault from "./Fault.ts"

export interface Masks {
  readonly of: (
    fields: Pick<Fields, "mask" | "structured_outputs">,
    text: string
  ) => Effect.Effect<Grammar | undefined, Fault.Fault>
  /** Which of the model's own questions a text is. */
  readonly asked: (text: string) => Form | undefined
}

/** Whether a text is a prompt, with any question in its place. */
const isPrompt = (template: string, text: string): boolean => {
  const [before = "", ...rest] = template.split(placeholder)
  if (rest.length === 0) return text === template
  const after = rest.at(-1) ?? ""
  return text.startsWith(before) && text.endsWith(after) && text.length > before.length + after.length
}

const sameTexts = (a: Texts, b: Texts): boolean =>
  "regex" in a ? "regex" in b && a.regex === b.regex : "ebnf" in b && a.ebnf === b.ebnf

/** Characters of free text that a client may have meant: its expression has that number less a few. */
const lengthsIn = (written: string): ReadonlyArray<number> => {
  const found = /\[\^<\]\{0,(\d{1,7})\}/.exec(written)?.[1]
  return found === undefined ? [1, 2, 3, 4, 5] : Array.from({ length: 6 }, (_, i) => Number(found) + i)
}

/** The text that an expression without any choice is for. */
const literalIn = (regex: string): Option.Option<string> => {
  const text = regex.replaceAll(/\\([\\^$.*+?()[\]{}|])/g, "$1")
  return Regex.literal(text) === regex ? Option.some(text) : Option.none()
}

export const make = Effect.fnUntraced(function*(kind: Pick<Kind, "grammar" | "prompts">, tokenizer: Tokenizer) {
  const forms: ReadonlyArray<Form> = ["think", "answer"]
  const grammars = new Map<Form, Grammar>()
  for (const form of forms) {
    const made = yield* kind.grammar(form)
    if (made !== undefined) grammars.set(form, made)
  }

  const exactly = (text: string) =>
    Automaton.build(
      `literal/${text}`,
      AnswerGrammar.chain("literal", [...tokenizer.encode(text), tokenizer.endOfTurn], () => end),
      tokenizer.vocabularySize
    )
  const end: Automaton.Position = { key: "end", edges: () => [[tokenizer.endOfTurn, end]] }

  const structured = (texts: Texts): Effect.Effect<Grammar, Fault.Fault> => {
    const written = "regex" in texts ? texts.regex : texts.ebnf
    const own = [...grammars.values()].find((grammar) =>
      lengthsIn(written).some((length) => grammar.texts !== undefined && sameTexts(grammar.texts(length), texts))
    )
    if (own !== undefined) return Effect.succeed(own)
    const literal = "regex" in texts ? literalIn(texts.regex) : Option.none()
    const exact = Option.map(Option.filter(literal, (text) => text.length <= 256), exactly)
    if (Option.isSome(exact) && !("bytes" in exact.value)) return Effect.succeed(exact.value)
    return Effect.fail(
      Fault.invalid(
        `structured_outputs is ${
          show(written, 80)
        }, expected the format of the model's own answers, or a text without ` +
          "any choice: leave it out, and the model's own question is held to its format",
        "structured_outputs",
        "unsupported_value"
      )
    )
  }

  const masks: Masks = {
    asked: (text) => forms.find((form) => isPrompt(kind.prompts[form], text)),
    of: ({ mask, structured_outputs }, text) => {
      const { grammar, regex } = structured_outputs ?? {}
      if (regex != null) return structured({ regex })
      if (grammar != null) return structured({ ebnf: grammar })
      if (mask === false) return Effect.succeed(undefined)
      const form = masks.asked(text)
      if (form !== undefined) return Effect.succeed(grammars.get(form))
      return mask === true
        ? Effect.fail(
          Fault.invalid(
            "mask is true, and the text is not this model's own question, which alone has a format: leave mask or " +
              "the text out (GET /v1/models lists the questions)",
            "mask",
            "unsupported_value"
          )
        )
        : Effect.succeed(undefined)
    }
  }
  return masks
})
