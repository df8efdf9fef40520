/**
 * What a task changes in a preset: how long its texts are, and how little some of its data sets hold.
 *
 * As presets themselves, these hold for every method of a comparison alike.
 */
import type * as Rise from "../dsl/Rise.ts"
import type { Preset } from "./presets.ts"

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

/** For data that are few. */
const forFew = (preset: Preset): Preset => ({
  ...preset,
  // A box is seldom as exact as a distribution is close: as many chains are kept as τ keeps of the paper's Emotion6.
  filter: { least: 0.4, ...preset.filter },
  // All training samples: even together they are few.
  ...(preset.warmUp === undefined ? {} : { warmUp: { ...preset.warmUp, share: 1 } })
})

/**
 * A checkpoint that has seen no photograph finds next to nothing in one: no chain reaches τ, most groups earn nothing.
 * All are kept and none is a reason to give up, so that the whole method runs; in fewer steps, for what there is to
 * learn is learned early.
 */
const onPhotographs = (preset: Preset): Preset => ({
  ...preset,
  limit: { train: 500, test: 100 },
  ...(preset.warmUp === undefined ? {} : { warmUp: { ...preset.warmUp, steps: 100 } }),
  generate: { ...preset.generate, candidates: 8 },
  reinforce: { ...preset.reinforce, steps: 10, warmup: 1, deadSteps: 1000, select: { every: 10, samples: 16 } },
  filter: { tau: 0 },
  sft: { ...preset.sft, steps: 150, select: { every: 50 } },
  rft: { ...preset.rft, steps: 20, warmup: 1, deadSteps: 1000, select: { every: 10 } }
})

/**
 * The embedded checkpoint rebuilds boxes from names as it is. Most of its own reasonings about a riddle name the wrong
 * thing: taught on them, it would learn that a name does not say where, and the closed loop would find any reasoning
 * good.
 */
const withoutWarmUp = ({ warmUp: _, ...preset }: Preset): Preset => preset

/** A picture with all its boxes takes twice the tokens: fewer chains and steps keep the run to minutes. */
const inBrief = (preset: Preset): Preset => ({
  ...preset,
  limit: { train: 500, test: 200 },
  generate: { ...preset.generate, candidates: 8 },
  rft: { ...preset.rft, steps: 60 }
})

const startOf = (task: TaskName, preset: Preset): Preset => task === "lisa" ? withoutWarmUp(preset) : preset

/** A preset as a task needs it. The paper's own is left as it is. */
export const forTask = (task: TaskName, preset: Preset): Preset => {
  switch (preset.name) {
    case "paper":
      return preset
    case "photos":
      return forFew(
        withLengths(
          task === "imagenet-sub" ? preset : onPhotographs(preset),
          task === "coco-sub" ? photographed : lengths[task]
        )
      )
    case "quick":
      return forFew(
        withLengths(
          task === "coco-sub" ? inBrief(preset) : startOf(task, { ...preset, limit: { train: 700, test: 200 } }),
          lengths[task]
        )
      )
    default:
      return forFew(withLengths(startOf(task, preset), lengths[task]))
  }
}
