import { Effect } from "effect"
import { ChatTemplate } from "../../../src/kernels/text/index.ts"
import { fixtures, texts } from "../data.ts"
import type { Target } from "../Target.ts"

const messages = [{ role: "user", content: [{ type: "image" as const }, { type: "text" as const, text: "What?" }] }]

export const target: Target = {
  name: "chatTemplate",
  kind: "text",
  seeds: Effect.map(
    Effect.all([
      fixtures("parity/qwen2.5-vl/chat_template.jinja"),
      texts(
        "{% set ns = namespace(a='ab') %}{% for i in range(4) %}{% set ns.a = ns.a + ns.a %}{% endfor %}{{ ns.a }}",
        "{% macro m(n) %}{% if n > 0 %}{{ n }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(5) }}",
        "{{ messages|tojson(indent=2) }}{{ 'a b'.split()|join(', ')|upper|indent(4) }}",
        "{% for m in messages[::-1] %}{{ loop.index }}{{ m.role|title }}{% endfor %}"
      )
    ]),
    (all) => all.flat()
  ),
  run: (input) =>
    Effect.match(
      ChatTemplate.render(Buffer.from(input).toString(), messages, { addGenerationPrompt: true }),
      { onFailure: () => false, onSuccess: () => true }
    )
}
