/**
 * What a task changes in a preset: how long its texts are, and how little some of its data sets hold.
 *
 * As presets themselves, these hold for every method of a comparison alike.
 */
import type * as Rise from "../dsl/Rise.ts"
import { paper, type Preset } from "./Presets.ts"

/** Tasks with settings of their own. */
export type TaskName = "lisa" | "imagenet-sub" | "coco-sub"

/** Longest texts, in tokens. */
interface Lengths {
  readonly chain: number
  readonly answer: number
}

const lengths: Record<TaskName, Lengths> = {
  lisa: { chain: 40, answer: 24 },
  "imagenet-sub": { chain: 40, answer: 16 },
  "coco-sub": { chain: 40, answer: 64 }
}

/** Boxes on photographs: names are spelled in letters, and there are more of them. */
const photographed: Lengths = { chain: 40, answer: 160 }

/** Tags between reasoning and answer, the end of turn. */
const tags = 5

const withLengths = (preset: Preset, { answer, chain }: Lengths): Preset => {
  const whole = chain + answer + tags
  const practised = <A extends { readonly practice?: Rise.PracticeOptions }>(stage: A): A =>
    stage.practice === undefined ? stage : { ...stage, practice: { ...stage.practice, maxTokens: whole } }
  return {
    ...preset,
    ...(preset.warmUp === undefined ? {} : { warmUp: practised({ ...preset.warmUp, maxTokens: whole }) }),
    generate: { ...preset.generate, maxTokens: chain },
    reconstruct: { ...preset.reconstruct, maxTokens: answer },
    sft: practised({ ...preset.sft, maxTokens: whole }),
    rft: { ...preset.rft, maxTokens: whole },
    evaluate: { ...preset.evaluate, maxTokens: whole }
  }
}

/** A box is seldom as exact as a distribution is close: as many chains are kept as τ keeps of the paper's Emotion6. */
const least = 0.4

/** For data that are few. */
const forFew = (preset: Preset): Preset => ({
  ...preset,
  filter: { least, ...preset.filter },
  // All training samples: even together they are few.
  ...(preset.warmUp === undefined ? {} : { warmUp: { ...preset.warmUp, share: 1 } })
})

/** Settings of a preset that a task sets otherwise, stage by stage. */
type Changes = {
  readonly [Stage in "limit" | "warmUp" | "generate" | "reinforce" | "filter" | "sft" | "rft"]?: Preset[Stage] & {}
}

/** The settings, changed; a warm-up that there is none of stays out. */
const changed = (preset: Preset, changes: Changes): Preset => ({
  ...preset,
  ...Object.fromEntries(
    Object.entries(changes).flatMap(([stage, settings]) => {
      const own = preset[stage as keyof Changes]
      return stage === "warmUp" && own === undefined ? [] : [[stage, { ...own, ...settings }]]
    })
  )
})

/**
 * A checkpoint that has seen no photograph finds next to nothing in one: no chain reaches τ, most groups earn nothing.
 * All are kept and none is a reason to give up, so that the whole method runs; in fewer steps, for what there is to
 * learn is learned early.
 */
const onPhotographs: Changes = {
  limit: { train: 500, test: 100 },
  warmUp: { steps: 100 },
  generate: { candidates: 8 },
  reinforce: { steps: 10, warmup: 1, deadSteps: 1000, select: { every: 10, samples: 16 } },
  filter: { tau: 0, least },
  sft: { steps: 150, select: { every: 50 } },
  rft: { steps: 20, warmup: 1, deadSteps: 1000, select: { every: 10 } }
}

/**
 * A picture with all its boxes takes twice the tokens: fewer chains keep the run to minutes. The last stage is as long
 * as the preset's. On two other draws of the world RISE's mAP@0.5 is 0.849 after 60 steps and 0.876 after 150 (SFT
 * 0.892), and 0.872 after 250 (SFT 0.882).
 */
const inBrief: Changes = { limit: { train: 500, test: 200 }, generate: { candidates: 8 } }

/** A last stage of as many steps as their figures in docs/results.md were taken with. */
const quick: Changes = { limit: { train: 700, test: 200 }, rft: { steps: 150 } }

/** What a task makes of a preset. */
interface Adaptation {
  readonly lengths: Lengths
  readonly changes?: Changes
  /** Whether every method starts from the base as it is. */
  readonly withoutWarmUp?: boolean
}

/**
 * Of any preset. About `lisa`: the embedded checkpoint rebuilds boxes from names as it is. Most of its own reasonings
 * about a riddle name the wrong thing: taught on them, it would learn that a name does not say where, and the closed
 * loop would find any reasoning good.
 */
const usual: Readonly<Record<TaskName, Adaptation>> = {
  lisa: { lengths: lengths.lisa, withoutWarmUp: true },
  "imagenet-sub": { lengths: lengths["imagenet-sub"] },
  "coco-sub": { lengths: lengths["coco-sub"] }
}

/** Of presets that a task changes more of. */
const particular: Readonly<Record<string, Readonly<Record<TaskName, Adaptation>>>> = {
  quick: {
    lisa: { ...usual.lisa, changes: quick },
    "imagenet-sub": { ...usual["imagenet-sub"], changes: quick },
    "coco-sub": { ...usual["coco-sub"], changes: inBrief }
  },
  photos: {
    lisa: { lengths: lengths.lisa, changes: onPhotographs },
    "imagenet-sub": { lengths: lengths["imagenet-sub"] },
    "coco-sub": { lengths: photographed, changes: onPhotographs }
  }
}

const without = ({ warmUp: _, ...preset }: Preset): Preset => preset

/** A preset as a task needs it. The paper's own is left as it is. */
export const forTask = (task: TaskName, preset: Preset): Preset => {
  if (preset.name === paper.name) return preset
  const { changes = {}, lengths, withoutWarmUp = false } = (particular[preset.name] ?? usual)[task]
  const start = changed(preset, changes)
  return forFew(withLengths(withoutWarmUp ? without(start) : start, lengths))
}
