/**
 * Messages to the text a model was trained on, through the model's own Jinja template.
 */
import { Effect } from "effect"
import * as BoundedTemplate from "./BoundedTemplate.ts"
import { TextError } from "./TextError.ts"

/** A part of a message. The template writes the model's image placeholder for an image. */
export type Part = { readonly type: "image" } | { readonly type: "text"; readonly text: string }

export interface Message {
  readonly role: string
  readonly content: string | ReadonlyArray<Part>
}

export interface RenderOptions {
  /** End with the opening of the assistant's turn. */
  readonly addGenerationPrompt: boolean
  /** Further variables that a template may ask for, such as `bos_token`. */
  readonly variables?: Readonly<Record<string, unknown>>
}

export type Render = (messages: ReadonlyArray<Message>, options: RenderOptions) => Effect.Effect<string, TextError>

const failed = (operation: "compile chat template" | "render chat template") => (cause: unknown) =>
  new TextError({ operation, reason: cause instanceof Error ? cause.message : String(cause), cause })

/** Line ends as Jinja2 reads a template: whatever the file has, the text has "\n". */
export const withNewlines = (template: string): string => template.replaceAll(/\r\n?/g, "\n")

/**
 * Parses a template once for many renderings. One that takes too many steps, or makes too much text, is an error as one
 * that is broken is: `range(10**8)`, a macro that calls itself, a text that doubles.
 */
export const compile = (template: string): Effect.Effect<Render, TextError> =>
  Effect.map(
    Effect.try({ try: () => BoundedTemplate.parse(withNewlines(template)), catch: failed("compile chat template") }),
    (parsed): Render => (messages, { addGenerationPrompt, variables }) =>
      Effect.try({
        try: () => parsed({ ...variables, messages, add_generation_prompt: addGenerationPrompt }),
        catch: failed("render chat template")
      })
  )

/** Parses and renders. */
export const render = (
  template: string,
  messages: ReadonlyArray<Message>,
  options: RenderOptions
): Effect.Effect<string, TextError> => Effect.flatMap(compile(template), (run) => run(messages, options))
