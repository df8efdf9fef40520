/**
 * The words of the embedded checkpoint's tokenizer: everything its prompts, explanations and answers are made of.
 *
 * A word is written as it stands in a text: with its leading space, or without where it opens a turn or follows a tag.
 */
import { backgrounds, emotions, faces, groups, objects } from "../../src/data/scenes/World.ts"
import { otherSets } from "./Answers.ts"
import { texts } from "./Corpus.ts"

/** The named tokens of the chat format and of think-answers. */
export const specials = [
  "<|endoftext|>",
  "<|im_start|>",
  "<|im_end|>",
  "<|vision_start|>",
  "<|vision_end|>",
  "<|image_pad|>",
  "<|video_pad|>",
  "<think>",
  "</think>",
  "<answer>",
  "</answer>"
] as const

/** GPT-2's splitting of a text, without its English contractions. */
export const pieces = / ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu

/** Texts read for their words: enough that the rarest form is met dozens of times. */
const readings = 60_000

const range = (count: number, step: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, i) => String(i * step))

/** Every word, sorted, without repetition. */
export const words = (): ReadonlyArray<string> => {
  const found = new Set<string>(["user", "assistant", " ["])
  const names = [
    ...emotions,
    ...faces,
    ...backgrounds,
    ...groups,
    ...objects,
    ...otherSets.flatMap((set) => set.labels)
  ]
  for (const name of names) found.add(` ${name}`)
  for (const label of [...emotions, ...groups, ...otherSets.flatMap((set) => set.labels)]) found.add(label)
  // Percents follow a label; thousandths in tens make boxes, whose first number follows a bracket.
  for (const number of [...range(101, 1), ...range(101, 10)]) found.add(` ${number}`)
  for (const number of [...range(10, 1), ...range(101, 10)]) found.add(number)
  for (let index = 0; index < readings; index++) {
    const { prompt, target } = texts(0, index, "names")
    for (const text of [prompt, ...target.split(/<\/?(?:think|answer)>/)]) {
      for (const piece of text.split(/<\/?(?:think|answer)>/).flatMap((part) => part.match(pieces) ?? [])) {
        found.add(piece)
      }
    }
  }
  return [...found].sort()
}
