/**
 * Prompts as texts: what is written down of a task, and read back.
 */
import { Option, Schema } from "effect"
import type { Prompts } from "../dsl/Task.ts"

/** Stand for what `reason` and `reconstruct` are about. */
const places = { reason: "{annotation}", reconstruct: "{reasoning}" } as const

/** The four prompts: `{annotation}` stands for the written annotation, `{reasoning}` for the reasoning. */
export const Wording = Schema.Struct({
  reason: Schema.String,
  reconstruct: Schema.String,
  annotate: Schema.String,
  answerOnly: Schema.String
})
export type Wording = typeof Wording.Type

/** Whether a text says something else than a template would. */
const probe = "a [b] 1"

const template = (form: keyof typeof places, prompt: (inside: string) => string): Option.Option<string> =>
  Option.filter(
    Option.liftThrowable(() => ({ text: prompt(places[form]), filled: prompt(probe) }))(),
    ({ filled, text }) => text.replaceAll(places[form], () => probe) === filled
  ).pipe(Option.map(({ text }) => text))

/** None where a prompt is no template: where it throws, or says different things about different texts. */
export const ofPrompts = ({ annotate, answerOnly, reason, reconstruct }: Prompts): Option.Option<Wording> =>
  Option.map(
    Option.all({ reason: template("reason", reason), reconstruct: template("reconstruct", reconstruct) }),
    (templates) => ({ ...templates, annotate, answerOnly })
  )

/** The prompts that the texts are of. */
export const toPrompts = ({ annotate, answerOnly, reason, reconstruct }: Wording): Prompts => ({
  reason: (annotation) => reason.replaceAll(places.reason, () => annotation),
  reconstruct: (reasoning) => reconstruct.replaceAll(places.reconstruct, () => reasoning),
  annotate,
  answerOnly
})

/** A name or a label: terminals and tables show it, so it has no line breaks and no control characters. */
export const Name = Schema.String.check(Schema.isPattern(/^\P{Cc}+$/u))
