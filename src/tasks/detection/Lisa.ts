/**
 * Reasoning detection as the paper makes it of LISA's ReasonSeg: one question a sample, one box that answers it.
 *
 * A sample brings its question; every prompt asks it.
 *
 * @module
 */
import type { Prompts } from "../../dsl/Task.ts"
import type { Space } from "./Box.ts"
import * as Codec from "./Codec.ts"
import { type Detection, make as makeDetection } from "./Detection.ts"

const prompts = (format: string): Prompts => ({
  reason: (annotation) =>
    `Someone asks about this picture: {question} The answer is the one thing marked by ${annotation}. Explain ` +
    `in fewer than 100 words why. ` +
    `Name the visible cues and their context, use no numbers and do not repeat the coordinates.`,
  reconstruct: (reasoning) =>
    `Someone asks about this picture: {question} Someone else thinks: ${reasoning} From the picture and these ` +
    `thoughts, mark the one thing ` +
    `that is the answer. Write ${format}.`,
  annotate: `{question} Look at this picture and think about which one thing in it is the answer, then mark it. ` +
    `Write <think>reasons</think><answer>box</answer>, the box as ${format}.`,
  answerOnly: `{question} Mark the one thing in this picture that is the answer. Write ${format}.`
})

/**
 * The task for a model that writes boxes its own way.
 *
 * ```ts
 * Lisa.make(BoxCodec.qwen2Vl({ space: "thousandths" }))
 * ```
 */
export const make = <S extends Space>(codec: Codec.Codec<S>): Detection<S> =>
  makeDetection({ name: "lisa", subject: "the answer", codec, targets: "single", prompts: prompts(codec.words) })

/** Boxes as in the paper: `[x, y, width, height]`, in thousandths. */
export const task: Detection<"thousandths"> = make(Codec.scenes())

/**
 * For the embedded checkpoint: in the few words it has, close to the prompts of its pretraining, which it takes
 * literally (asked in other words it rambles), and boxes on the grid that it writes. A question stands on a line of its
 * own, for its first word is only known where a text begins.
 */
export const embedded: Detection<"thousandths"> = makeDetection({
  name: "lisa",
  subject: "the answer",
  codec: Codec.scenes({ step: 10 }),
  targets: "single",
  prompts: {
    reason: (annotation) => `${annotation} is the place.\n{question} Explain why.`,
    reconstruct: (reasoning) => `Someone explains this picture: ${reasoning}\n{question}`,
    annotate: "{question} Write <think>reasons</think><answer>label and numbers</answer>.",
    answerOnly: "{question}"
  }
})
