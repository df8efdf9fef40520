/**
 * What a script gives where a program is needed, and is none. TypeScript says so, and Node runs a script without asking
 * TypeScript.
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Option from "effect/Option"
import { show } from "../kernels/text/show.ts"

/** How the words of a pipeline begin. */
export const pipelineWords = "the pipeline of "

/** What was to be run is no program: what is missing, and the next step. */
export class NoProgram extends Data.TaggedError("NoProgram")<{ readonly message: string }> {}

const howTo = "write pipeline.pipe(Rise.run({ out: \"runs/mine\" }), Effect.provide(policy), Rise.runMain)"

/** The error, by the words of what was given: `String(value)`. */
export const of = (words: string): NoProgram =>
  new NoProgram({
    message: words.startsWith(pipelineWords)
      ? `Rise.run is missing before Rise.runMain: ${words} only describes what is to be done; ${howTo}`
      : /^(async |function\b|\(|\w+ ?=>)/.test(words)
      ? `Rise.runMain needs a program and was given a function: a step such as Rise.run goes behind a ` +
        `pipeline; ${howTo}`
      : `Rise.runMain needs a program, and ${show(words)} is no Effect: ${howTo}`
  })

/** The error of a pipeline that `yield*` asks for what it came to, by its words. */
export const yielded = (words: string): NoProgram =>
  new NoProgram({
    message: `yield* needs an Effect, and ${words} only describes what is to be done: write yield* pipeline.pipe(` +
      "Rise.run({ out: \"runs/mine\" }))"
  })

/** What Effect dies with where something else stands in an Effect's place, its words behind that. */
const notValid = "Fiber.runLoop: Not a valid effect: "

/** The same of a program that holds something else inside: Effect ends its fiber there, so that it cannot be caught. */
export const within = (cause: Cause.Cause<unknown>): Option.Option<NoProgram> => {
  const died = Cause.squash(cause)
  return typeof died === "string" && died.startsWith(notValid)
    ? Option.some(of(died.slice(notValid.length)))
    : Option.none()
}
