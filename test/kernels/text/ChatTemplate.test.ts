import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as fs from "node:fs"
import { ChatTemplate } from "../../../src/kernels/text/index.ts"

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
})
