/**
 * Annotations as a policy is asked for them, and as it writes them.
 */
import { type Effect, Option } from "effect"
import type { Completion, Prompt } from "../policy/Policy.ts"
import * as Question from "./Question.ts"
import type { MissingQuestion } from "./Question.ts"
import * as Reward from "./Reward.ts"
import type { Form, Sample, Task, TaskError } from "./Task.ts"

/** What a policy is asked for an annotation in each form, with the sample's question where the task asks one. */
export const ask = <A>(
  task: Task<A>,
  form: Form,
  sample: Pick<Sample<A>, "image" | "question">
): Effect.Effect<Prompt, MissingQuestion | TaskError> =>
  Question.ask(task, form === "think" ? "annotate" : "answerOnly", sample)

/**
 * What a completion says in a form. Reasoning that a server keeps apart is what a think-answer begins with; a bare
 * answer stays one, and a text that thinks by itself is left as it is.
 */
export const said = (form: Form, { reasoning, text }: Pick<Completion, "reasoning" | "text">): string => {
  if (form === "answer" || text === "" || reasoning === undefined || /<\/?think>/.test(text)) return text
  // Thoughts often quote the format that is asked for: only the answer's own tags count.
  const thought = reasoning.replace(/<\/?(?:think|answer)>/g, " ").trim()
  if (thought === "") return text
  return text.includes("<answer>") ? `<think>${thought}</think>${text}` : Reward.writeThinkAnswer(thought, text)
}

/** A text read in its form, without a truth to compare it with. */
export const parse = <A>(task: Task<A>, form: Form, text: string): Reward.Read<A> =>
  form === "think"
    ? Reward.parseThinkAnswer(task, text)
    : { reasoning: Option.none(), annotation: Reward.readAnswer(task, text), formed: true }

/**
 * A text read in its form: the annotation if it has one, and what it earns (eq. 9; S alone for a bare answer).
 *
 * @param sample for similarities that look at it
 *
 * @throws what the task's code throws
 */
export const read = <A>(
  task: Task<A>,
  form: Form,
  truth: A,
  text: string,
  sample?: Sample<A>
): Reward.ScoredThinkAnswer<A> => {
  const { annotation, formed, reasoning } = parse(task, form, text)
  const turn = sample === undefined ? undefined : Reward.turnOf(sample, reasoning)
  return { ...Reward.scored(task, truth, annotation, formed, turn), reasoning }
}
