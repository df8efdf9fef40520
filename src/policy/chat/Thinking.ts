/**
 * Chat templates that begin the answer themselves: what Qwen3-VL-Thinking is asked ends with `<think>`.
 *
 * A policy writes its tags itself, and some of its texts have none. So the opening is left off, in every prompt here
 * and in the template of a directory that is saved: whoever opens that asks as the model was trained.
 */
import { Effect, Result } from "effect"
import { ChatTemplate } from "../../kernels/text/index.ts"

const opening = /<think>\s*$/

/** What a template writes behind the opening of the assistant's turn; none where it cannot be rendered either. */
const openingOf = (template: string, variables: Readonly<Record<string, string>>) =>
  ChatTemplate.render(template, [{ role: "user", content: [{ type: "text", text: "question" }] }], {
    addGenerationPrompt: true,
    variables
  }).pipe(
    Effect.result,
    Effect.map((rendered) => Result.isSuccess(rendered) ? opening.exec(rendered.success)?.[0] : undefined)
  )

/** A template with the opening left off, whatever way it writes it: the same one where it writes none. */
export const withoutOpening = (
  template: string,
  variables: Readonly<Record<string, string>>
): Effect.Effect<string> =>
  Effect.map(openingOf(template, variables), (written) =>
    written === undefined
      ? template
      : `{% set asked %}${template.replace(/\n$/, "")}{% endset %}` +
        `{{ asked[:-${written.length}] if add_generation_prompt and asked.endswith(${JSON.stringify(written)}) ` +
        `else asked }}`)
