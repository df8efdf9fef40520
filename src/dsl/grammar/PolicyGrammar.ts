/** Grammars in the tokens of the policy at hand. */
import { Effect, Option } from "effect"
import type { Grammar } from "../../kernels/generate/Grammar.ts"
import { Policy, type Tokenizer } from "../../policy/Policy.ts"
import * as PlugIn from "../PlugIn.ts"
import { type Form, GrammarError, type Task, type TaskError } from "../Task.ts"
import * as ReasoningGrammar from "./ReasoningGrammar.ts"

/** `"mask"`: tokens that break the task's answer format cannot be drawn, and log-probabilities are scored that way. */
export type GrammarMode = "mask" | "off"

/** The tokens that a grammar is made of. */
const tokenizerOf = (task: string): Effect.Effect<Tokenizer, GrammarError, Policy> =>
  Effect.flatMap(
    Policy,
    ({ spelling, tokenizer }) =>
      spelling !== undefined
        ? Effect.succeed(spelling)
        : Effect.mapError(Effect.fromOption(tokenizer), () =>
          new GrammarError({
            task,
            reason: "the policy is remote and shows no tokens: leave grammar \"off\", and practice and format out; a " +
              "vLLM takes grammars with Policy.openai({ grammars: true })"
          }))
  )

/** The grammar of the task's reasonings. */
export const ofReasoning = (task: string): Effect.Effect<Grammar, GrammarError, Policy> =>
  Effect.map(tokenizerOf(task), ReasoningGrammar.of)

/** The grammar of the task's answers, if it has one. */
export const ofAnswer = <A>(
  task: Task<A>,
  form: Form
): Effect.Effect<Grammar | undefined, GrammarError | TaskError, Policy> =>
  Effect.gen(function*() {
    if (task.grammar === undefined) return undefined
    const { encode, endOfTurn, specials, vocabularySize: size } = yield* tokenizerOf(task.name)
    const made = yield* PlugIn.grammar(task, { encode, size, endOfTurn, specials }, form)
    const { spelling } = yield* Policy
    if (made === undefined || made.texts !== undefined || spelling === undefined) return made
    return yield* new GrammarError({
      task: task.name,
      reason: `it says nothing of its ${form}s apart from tokens that a server could hold texts to: leave grammar ` +
        "\"off\", or give the grammar its texts (Grammar.texts)"
    })
  })

/** The same in the tokens of the policy that learns, also where another draws and spells in its own way. */
export const inTokens = <A>(
  task: Task<A>,
  form: Form
): Effect.Effect<Grammar | undefined, GrammarError | TaskError, Policy> =>
  Effect.flatMap(Policy, ({ tokenizer }) =>
    task.grammar === undefined
      ? Effect.succeed(undefined)
      : Option.match(tokenizer, {
        onNone: () =>
          Effect.fail(
            new GrammarError({
              task: task.name,
              reason: "the policy shows no tokens to practise with: leave practice out"
            })
          ),
        onSome: ({ encode, endOfTurn, specials, vocabularySize: size }) =>
          PlugIn.grammar(task, { encode, size, endOfTurn, specials }, form)
      }))

/** The grammar, if an option asks for it; else none is made. */
export const where = <E, R>(
  mode: GrammarMode | undefined,
  grammar: Effect.Effect<Grammar | undefined, E, R>
): Effect.Effect<Grammar | undefined, E, R> => mode === "mask" ? grammar : Effect.succeed(undefined)
