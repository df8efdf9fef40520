/** Templates that open the reasoning themselves, against what transformers renders of both forms. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ChatTemplate } from "../../../src/kernels/text/index.ts"
import * as Thinking from "../../../src/policy/chat/Thinking.ts"
import { json } from "../../kernels/models/fixture.ts"

interface Fixture {
  readonly thinking: {
    readonly template: string
    readonly closed: string
    readonly turns: ReadonlyArray<{
      readonly messages: ReadonlyArray<ChatTemplate.Message>
      readonly prompt: boolean
      readonly opened: string
      readonly closed: string
    }>
  }
}
const { thinking: { closed, template, turns } } = json<Fixture>("../parity/qwen3-vl.json")

describe("a template that opens the reasoning", () => {
  it.effect("is given without the opening, as transformers renders it too", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Thinking.withoutOpening(template, {}), closed)
      for (const { messages, prompt, ...expected } of turns) {
        const render = (source: string) => ChatTemplate.render(source, messages, { addGenerationPrompt: prompt })
        assert.deepStrictEqual({ opened: yield* render(template), closed: yield* render(closed) }, expected)
      }
      assert.deepStrictEqual(
        turns.map(({ closed, opened }) => opened.slice(closed.length)),
        ["<think>\n", "", "<think>\n"]
      )
      assert.isTrue(turns.every(({ closed }) => !/assistant\n<think>/.test(closed)))
    }))

  it.effect("and others are left as they are", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Thinking.withoutOpening(closed, {}), closed)
      for (const other of ["{{ messages[0].content }}", "{% broken", ""]) {
        assert.strictEqual(yield* Thinking.withoutOpening(other, {}), other)
      }
      // An empty reasoning that is closed again opens none.
      const none = "{{- 'assistant\\n<think>\\n\\n</think>\\n\\n' -}}"
      assert.strictEqual(yield* Thinking.withoutOpening(none, {}), none)
    }))
})
