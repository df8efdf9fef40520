import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as fs from "node:fs"
import { ChatTemplate } from "../../../src/kernels/text/index.ts"
import { stopwatch } from "../../stopwatch.ts"

const { templates } = JSON.parse(fs.readFileSync(new URL("../../fixtures/text.json", import.meta.url), "utf8"))

describe("ChatTemplate", () => {
  it.effect("renders as Jinja2 does, Qwen2-VL's template included", () =>
    Effect.gen(function*() {
      for (const { expected, generate, messages, template } of templates) {
        const text = yield* ChatTemplate.render(template, messages, { addGenerationPrompt: generate })
        assert.strictEqual(text, expected)
      }
    }))

  it.effect("reads line ends as Jinja2 does, and leaves those of messages alone", () =>
    Effect.gen(function*() {
      const template = "{% for m in messages %}\r\n<|{{ m.role }}|>\r\n{{ m.content }}\r{% endfor %}\r\n"
      const text = yield* ChatTemplate.render(template, [{ role: "user", content: "Hi\r\nyou" }], {
        addGenerationPrompt: false
      })
      assert.strictEqual(text, "<|user|>\nHi\r\nyou\n")
    }))

  it.effect("a broken template and a template's own complaint are typed errors", () =>
    Effect.gen(function*() {
      const user = [{ role: "user", content: "Hi" }]
      const options = { addGenerationPrompt: true }
      const broken = yield* Effect.flip(ChatTemplate.render("{% for %}", user, options))
      assert.strictEqual(broken.operation, "compile chat template")
      const complaint = "{{ raise_exception('roles must alternate') }}"
      const raised = yield* Effect.flip(ChatTemplate.render(complaint, user, options))
      assert.strictEqual(raised.operation, "render chat template")
      assert.include(raised.message, "roles must alternate")
    }))

  it.effect("passes further variables, which cannot replace the messages", () =>
    Effect.gen(function*() {
      const template = "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}"
      const options = { addGenerationPrompt: false, variables: { bos_token: "<s>", messages: [] } }
      assert.strictEqual(yield* ChatTemplate.render(template, [{ role: "user", content: "Hi" }], options), "<s>Hi")
    }))

  it.effect("a template that would not come to an end is stopped, soon and with little memory", () =>
    Effect.gen(function*() {
      const grow = (times: number) =>
        `{% set ns = namespace(a='ab') %}{% for i in range(${times}) %}{% set ns.a = ns.a + ns.a %}{% endfor %}`
      const cases: ReadonlyArray<readonly [template: string, says: RegExp]> = [
        ["{% for i in range(10**8) %}x{% endfor %}", /asks for a range of 100000000, at most 16384/],
        ["{% for i in range(1, 10**300, 3) %}x{% endfor %}", /asks for a range of 3\.3/],
        [
          "{% set r = range(9000) %}{% for i in r %}{% for j in r %}{% endfor %}{% endfor %}",
          /takes more than 262144 steps/
        ],
        [`${grow(60)}{{ ns.a }}`, /takes more than 262144 steps/],
        [`${grow(19)}{{ ns.a.replace('a', ns.a) }}`, /Invalid string length|takes more than/],
        [`${grow(19)}{{ [ns.a, ns.a, ns.a]|join(ns.a) }}`, /makes a text of|takes more than/],
        [
          "{% set ns = namespace(a=[1]) %}{% for i in range(60) %}{% set ns.a = ns.a + ns.a %}{% endfor %}",
          /a list of/
        ],
        ["{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}", /calls itself, or nests, more than 500 deep/],
        [
          "{% macro m(n) %}{% if n > 0 %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
          /takes more than 262144 steps/
        ],
        ["{{ 'a'|indent(10**9) }}", /Invalid/],
        [`{{ ${"(".repeat(50_000)}`, /call stack/],
        [`{{ 1${" + 1".repeat(20_000)} }}`, /more than 500 deep/],
        [`${" ".repeat(100_000)}{% generation %}`, /256 characters of white space in a row/],
        ["x".repeat(2 ** 17 + 1), /has 131073 characters, at most 131072/]
      ]
      for (const [template, says] of cases) {
        const spent = stopwatch()
        const error = yield* Effect.flip(
          ChatTemplate.render(template, [{ role: "user", content: "Hi" }], { addGenerationPrompt: true })
        )
        assert.strictEqual(error._tag, "TextError")
        assert.match(error.message, says, template.slice(0, 80))
        assert.isBelow(spent(), 5000, template.slice(0, 80))
      }
    }))

  it.effect("long conversations and the functions of Jinja2 are within the limits", () =>
    Effect.gen(function*() {
      const template = fs.readFileSync(
        new URL("../../fixtures/parity/qwen2.5-vl/chat_template.jinja", import.meta.url),
        "utf8"
      )
      const talk = Array.from({ length: 100 }, (_, i) => ({
        role: i % 2 === 0 ? "user" : "assistant",
        content: "word ".repeat(2000)
      }))
      const text = yield* ChatTemplate.render(template, talk, { addGenerationPrompt: true })
      assert.isAbove(text.length, 1_000_000)
      const functions =
        "{{ range(3)|join(',') }} {{ range(5, 0, -2)|join(',') }} {{ strftime_now('%Y')|length }} {{ True }}"
      assert.strictEqual(
        yield* ChatTemplate.render(functions, [], { addGenerationPrompt: false }),
        "0,1,2 5,3,1 4 true"
      )
    }))
})
