/** Grammars apart from tokens: what a server is sent holds exactly the texts that the tables hold. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import type { Form, Task } from "../../src/dsl/Task.ts"
import { BoxCodec, Classification, Detection, Emotion6 } from "../../src/index.ts"
import { type Grammar, Regex } from "../../src/kernels/generate/index.ts"
import { Keyed } from "../../src/kernels/math/index.ts"
import * as Bytes from "../../src/policy/openai/Bytes.ts"
import { follow, walk } from "./walks.ts"

const { encode, endOfTurn, specials, vocabularySize: size } = Bytes.tokenizer
const vocabulary = {
  encode,
  size,
  endOfTurn,
  specials,
  decode: (ids: Iterable<number>) => new TextDecoder().decode(Uint8Array.from(ids))
}

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e9 }))

/** Rules as one expression: small enough for six labels. */
const expanded = (ebnf: string): string => {
  const rules = new Map(ebnf.split("\n").map((line) => line.split(" ::= ") as [string, string]))
  const known = new Map<string, string>()
  const of = (name: string): string => {
    const held = known.get(name)
    if (held !== undefined) return held
    const body = (rules.get(name) ?? assert.fail(`no rule ${name}`)).replace(
      /"(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|[a-z]+\d*| /g,
      (part) =>
        part.startsWith("\"")
          ? Regex.literal(JSON.parse(part))
          : part.startsWith("[")
          ? part
          : part === " "
          ? ""
          : of(part)
    )
    const made = `(?:${body})`
    known.set(name, made)
    return made
  }
  return of("root")
}

const expression = (grammar: Grammar, characters = 40): RegExp => {
  const texts = grammar.texts?.(characters) ?? assert.fail("a grammar without texts")
  return new RegExp(`^(?:${"regex" in texts ? texts.regex : expanded(texts.ebnf)})$`, "u")
}

const tasks: Record<string, Task<never>> = Object.fromEntries(
  Object.entries({
    "three labels": Classification.make({ name: "three", labels: ["joy", "joy ride", "a (b)"], subject: "x" }),
    "six labels": Classification.make({ name: "six", labels: ["a", "b", "c", "d", "e \"f\"", "g"], subject: "x" }),
    "a label": Classification.make({
      name: "single",
      labels: ["joy", "joyful", "1.5"],
      subject: "x",
      answer: "single"
    }),
    "a box": Detection.make({ name: "one", subject: "x", codec: BoxCodec.scenes({ step: 10 }), targets: "single" }),
    "boxes": Detection.make({ name: "list", subject: "x", codec: BoxCodec.scenes({ step: 10 }) }),
    "named boxes": Detection.make({
      name: "named",
      subject: "x",
      codec: BoxCodec.scenes({ labels: ["a cup", "hat"], step: 5 })
    })
  }).map(([name, task]) => [name, task as unknown as Task<never>])
)

/** A text with one character taken out, put in or exchanged. */
const mutated = (text: string, seed: number): string => {
  const draw = Keyed.stream(seed, "mutate")
  const at = draw.int(text.length + 1)
  const put = draw.pick([...text, "0", "9", " ", "]", "x"])
  return text.slice(0, at) + draw.pick(["", put]) + text.slice(at + draw.int(2))
}

for (const [name, task] of Object.entries(tasks)) {
  describe(`texts of ${name}`, () => {
    const compiled = (form: Form) => Effect.runSync(task.grammar!(vocabulary, form))
    const [answer, think] = [compiled("answer"), compiled("think")]
    const [answers, thoughts] = [expression(answer), expression(think)]
    const whole = (grammar: Grammar, text: string) =>
      follow(grammar, [...vocabulary.encode(text), endOfTurn]) !== undefined

    it.prop("are those of the tables, and no others", [Seed], ([seed]) => {
      const text = vocabulary.decode(walk(answer, vocabulary, seed))
      assert.isTrue(answers.test(text), text)
      for (let i = 0; i < 8; i++) {
        const near = mutated(text, seed + i)
        assert.strictEqual(answers.test(near), whole(answer, near), near)
      }
    }, { arbitrary: { runs: 100 } })

    it.prop("stand behind bounded free text in the think form", [Seed], ([seed]) => {
      const text = vocabulary.decode(walk(answer, vocabulary, seed))
      for (const thought of ["so", " a dark\nface.", "x".repeat(40)]) {
        const written = `<think>${thought}</think><answer>${text}</answer>`
        assert.isTrue(whole(think, written))
        assert.strictEqual(thoughts.test(written), thought.length < 40)
      }
      for (const thought of ["", "  ", "a < b", "<think>"]) {
        assert.isFalse(thoughts.test(`<think>${thought}</think><answer>${text}</answer>`), thought)
      }
      assert.isFalse(thoughts.test(text))
    }, { arbitrary: { runs: 20 } })
  })
}

describe("the texts of seven labels", () => {
  it("are rules: written out they would be half a megabyte", () => {
    const texts = Effect.runSync(Emotion6.task.grammar!(vocabulary, "answer")).texts?.(10) ?? assert.fail()
    assert.isTrue(
      "ebnf" in texts && texts.ebnf.length < 16_000 && texts.ebnf.startsWith("root ::= annotation\nannotation ::= ")
    )
  })
})
