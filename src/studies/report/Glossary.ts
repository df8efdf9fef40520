/**
 * What the words of a report mean, for who reads one for the first time: shown where they stand, folded.
 */
import { escape } from "./Html.ts"

/** Words of rows and columns. A figure under a grammar ("accuracy masked") is found by its plain name. */
const results = {
  prior: "the mean label of the training pictures, given as the answer to every picture: what guessing reaches",
  base: "the model as it was given, before any training",
  warmed:
    "the base after the warm-up that all methods share: it has practised rebuilding labels from its own reasonings",
  SFT: "supervised fine-tuning: learns the labels as they are, without a reasoning",
  "Visual-RFT":
    "reinforcement fine-tuning: writes reasoning and answer many times, and is paid where the answer is right",
  RISE: "the whole method: learns reasonings from which the label can be rebuilt, learns to write the best of them, " +
    "and is then reinforced like Visual-RFT",
  "RISE-CoT": "the first half of RISE, measured on the training pictures: how good the reasonings (chains) are",
  model: "the model that was measured",
  accuracy: "share of the pictures whose label is right; where labels have shares, whose largest share is right",
  JSD: "Jensen–Shannon divergence between the answer's shares and the label's, in nats: 0 where they are equal, " +
    "0.693 at the most",
  MAE: "mean absolute error of a label's share: 0 where all are equal",
  IoU: "overlap of the answer's box and the right one, as a share of the area that both cover together",
  "mAP@0.5": "mean average precision: found boxes count where they overlap a right one by half",
  "mAP@[.5:.95]": "the same, averaged over overlaps from a half to 0.95",
  "recall@0.5": "share of the right boxes that an answer's box overlaps by half",
  "precision@0.5": "share of an answer's boxes that overlap a right one by half",
  valid: "share of the answers that are in the right format and can be read",
  reward: "what training pays: how near the answer is to the label, 0 where the format is broken",
  "win rate": "share of the pictures on which the method is better than RISE, ties counted half",
  "kept share": "share of the chains that τ let through, which supervised fine-tuning learns from",
  "cue precision": "share of the things a reasoning names that are really in the picture",
  "cue recall": "share of the things in the picture that a reasoning names",
  grounded: "how often a reasoning's own picture is the likelier one of two, to the untrained base: 0.5 is chance, 1 " +
    "means that no other picture fits as well",
  "grounded nats":
    "how much likelier a reasoning is given its own picture than given another, to the untrained base, " +
    "in nats per token",
  masked: "the same with the answer's tokens held to what the format allows"
} as const

const chains = {
  chain: "a reasoning that the model wrote for a training picture and its label; it must not give the label away",
  verdict: "why a chain earned what it earned: ok; leak, where it quotes the label; format-reasoning or " +
    "format-annotation, where it or what was rebuilt cannot be read; judge, where a judge lowered it",
  reward: "of a chain: how near the label that is rebuilt from picture and chain comes to the real one, from 0 to 1",
  "τ (tau)": "the reward from which on a chain is a lesson for supervised fine-tuning"
} as const

const training = {
  "warm-up": "the base learns to rebuild labels from its own reasonings",
  reinforce: "RISE-CoT: chains are drawn in groups, and the better ones are made likelier (GRPO)",
  explain: "the best chain of every picture is written down",
  filter: "the chains that τ keeps",
  sft: "supervised fine-tuning on what was kept",
  rft: "reinforcement fine-tuning on reasonings with answers (GRPO)",
  reward: "mean of a step's answers; it should rise",
  loss: "what a step minimises; under supervision it should fall",
  KL: "how far the model has moved from where the stage began, in nats per token",
  "gradient norm": "how strongly a step pulls at the weights; it should not run away"
} as const

const browsing = {
  valid: "in the right format, so that it can be read",
  right:
    "the label with the largest share is the truth's; all boxes overlap right ones by half; else a reward of a half",
  confidence:
    "how sure an answer is: the share of its first label; of a task of one label the probability of the label's " +
    "tokens, or the share of draws that say it; of boxes the mean probability of their tokens",
  "gain over SFT":
    "by how much the method is nearer to the truth of this picture than SFT, by the first figure of the " +
    "results"
} as const

const quality = {
  "confusion matrix": "true labels down, answers across: what is wrong lies off the diagonal",
  calibration:
    "how sure answers were against how right they were: on the diagonal a share of 70% is right 7 times of 10",
  precision: "share of the boxes in answers that are right",
  recall: "share of the right boxes that were found",
  "precision–recall curve":
    "precision among the surest boxes, taking in ever less sure ones until a share of the right " +
    "boxes is found; the area under it is mAP@0.5"
} as const

const fold = (words: ReadonlyArray<readonly [string, string]>): string =>
  words.length === 0 ?
    "" :
    `<details class="words"><summary>What the words mean</summary><dl>${
      words.map(([word, meaning]) => `<div><dt>${escape(word)}</dt><dd>${escape(meaning)}</dd></div>`).join("")
    }</dl></details>`

/** The words of tables, of those that stand in them. */
export const ofResults = (methods: ReadonlyArray<string>, metrics: ReadonlyArray<string>): string => {
  const there = new Set([...methods, ...metrics, ...metrics.flatMap((metric) => metric.split(" masked"))])
  if (metrics.some((metric) => metric.endsWith(" masked"))) there.add("masked")
  return fold(Object.entries(results).filter(([word]) => there.has(word)))
}

/** The words of the histogram. */
export const ofChains: string = fold(Object.entries(chains))

/** The words of the curves, of stages that there are. */
export const ofTraining = (stages: ReadonlyArray<string>): string =>
  fold(
    Object.entries(training).filter(([word]) =>
      !["warm-up", "reinforce", "explain", "filter", "sft", "rft"].includes(word) ||
      stages.some((stage) => stage === word || stage.endsWith(`/ ${word}`))
    )
  )

/** The words of the answers that are browsed, and of the closed loop. */
export const ofBrowsing: string = fold(Object.entries(browsing))

/** The words of matrix, calibration and curve, of those that there are. */
export const ofQuality = (words: ReadonlyArray<keyof typeof quality>): string =>
  fold(words.map((word) => [word, quality[word]]))

const known = new Map<string, string>(Object.entries({ ...results, "τ": chains["τ (tau)"] }))

/** The name in the glossary: "JSD masked" is JSD, and masked. */
const meaningOf = (word: string): string | undefined => {
  const plain = known.get(word)
  if (plain !== undefined || !word.endsWith(" masked")) return plain
  const of = known.get(word.slice(0, -" masked".length))
  return of === undefined ? undefined : `${of}. Masked: ${results.masked}`
}

const idOf = (word: string): string => `word-${Buffer.from(word).toString("hex")}`

/** What a figure means, as a line below the sentence that it stands in. */
export const said = (metric: string, lower: boolean): string => {
  const meaning = meaningOf(metric)
  if (meaning === undefined) return ""
  return `<p class="note">${escape(`${metric}: ${meaning}. ${lower ? "Less" : "More"} is better.`)}</p>`
}

/**
 * A word that says what it means where it stands, when it is pressed; the word alone where the glossary has it not.
 *
 * @param mark what stands behind it on the same line. Default: nothing.
 */
export const term = (word: string, mark = ""): string => {
  const text = escape(mark === "" ? word : `${word}\u00a0${mark}`)
  return meaningOf(word) === undefined
    ? text
    : `<button type="button" class="term" popovertarget="${idOf(word)}">${text}</button>`
}

/** What `term`'s words open, once a page. */
export const meanings = (words: Iterable<string>): string =>
  [...new Set(words)].map((word) => {
    const meaning = meaningOf(word)
    return meaning === undefined
      ? ""
      : `<div popover id="${idOf(word)}"><b>${escape(word)}</b>${escape(meaning)}</div>`
  }).join("")
