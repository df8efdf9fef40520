/**
 * The four prompts of a detection task, in this project's words (the paper's Appendix A is not public).
 */
import type { Prompts } from "../../dsl/Task.ts"

/** `subject` completes "mark … in this picture"; `format` says how boxes are written. */
export const prompts = (subject: string, format: string, labels: ReadonlyArray<string> | undefined): Prompts => {
  const names = labels === undefined ? "" : ` Names: ${labels.join(", ")}.`
  return {
    reason: (annotation) =>
      `Someone marked ${subject} in this picture: ${annotation}. Explain why it is there and what it is. Name ` +
      `the visible cues and ` +
      `their context, use no numbers and do not repeat the coordinates.`,
    reconstruct: (reasoning) =>
      `Someone explains this picture: ${reasoning} From the picture and the explanation, mark ${subject}. Write ` +
      `${format}.${names}`,
    annotate: `Think about this picture, then mark ${subject} in it. Write ` +
      `<think>reasons</think><answer>boxes</answer>, each box as ${format}.${names}`,
    answerOnly: `Mark ${subject} in this picture. Write ${format}.${names}`
  }
}

/**
 * For the embedded checkpoint: in the few words it has, close to the prompts of its pretraining, without the list of
 * names.
 */
export const embedded: Prompts = {
  reason: (annotation) => `Name the things in this picture: ${annotation}. Explain this picture.`,
  reconstruct: (reasoning) => `Someone explains this picture: ${reasoning} What are the things and their place?`,
  annotate: "Name the cues in this picture and think about its things, then their place. Write " +
    "<think>reasons</think><answer>label and numbers, largest first</answer>.",
  answerOnly: "Name the things in this picture and their place."
}
