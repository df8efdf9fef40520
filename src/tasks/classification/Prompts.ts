/**
 * The four prompts of a soft-label classification task, in this project's words (the paper's Appendix A is not public).
 *
 * Departure from the paper: the answer is `label percent` pairs, largest first, zeros left out, because a small model
 * writes that far better than a fixed list of seven probabilities.
 */
import type { Prompts } from "../../dsl/Task.ts"

/** `subject` completes "rate the … of this picture", for example "feelings". */
export const prompts = (subject: string, labels: ReadonlyArray<string>): Prompts => {
  const list = labels.join(", ")
  return {
    reason: (annotation) =>
      `People rated the ${subject} of this picture: ${annotation}. Explain why. Name the visible cues and their ` +
      `context, ` +
      `use no numbers and do not repeat the rating.`,
    reconstruct: (reasoning) =>
      `Someone explains this picture: ${reasoning} From the picture and the explanation, rate its ${subject}: ` +
      `${list}. ` +
      `Write label and percent, largest first.`,
    annotate: `Name the cues in this picture and think about its ${subject}, then rate: ${list}. ` +
      `Write <think>reasons</think><answer>label and percent, largest first</answer>.`,
    answerOnly: `Rate the ${subject} of this picture: ${list}. Write label and percent, largest first.`
  }
}

/**
 * The four prompts of a single-label task. `subject` completes "name the … of this picture", for example "main object".
 */
export const singlePrompts = (subject: string, labels: ReadonlyArray<string>): Prompts => {
  const list = labels.join(", ")
  return {
    reason: (annotation) =>
      `People named the ${subject} of this picture: ${annotation}. Explain why. Describe its shape, parts, ` +
      `material and context, ` +
      `and use no numbers.`,
    reconstruct: (reasoning) =>
      `Someone explains this picture: ${reasoning} From the picture and the explanation, name its ${subject}, ` +
      `one of: ${list}. Write the name alone.`,
    annotate: `Describe this picture and think about its ${subject}, then name it, one of: ${list}. ` +
      `Write <think>reasons</think><answer>name</answer>.`,
    answerOnly: `Name the ${subject} of this picture, one of: ${list}. Write the name alone.`
  }
}

/**
 * A single-label task in the few words that the embedded checkpoint has, close to the prompts of its pretraining, and
 * without the list of names.
 */
export const embeddedSingle = (subject?: string): Prompts => ({
  reason: (annotation) =>
    `People rated the ${subject ?? "things"} of this picture: ${annotation}. Explain why. Name the visible cues and ` +
    `their context, use no numbers and do not repeat the rating.`,
  reconstruct: (reasoning) => `Someone explains this picture: ${reasoning} What is the ${subject ?? "thing"} in it?`,
  annotate: `Name the cues in this picture and think about its ${subject ?? "things"}, then rate: label. Write ` +
    "<think>reasons</think><answer>label and percent, largest first</answer>.",
  answerOnly: `What is the ${subject ?? "thing"} in this picture?`
})
