/**
 * How a stage says that going on would be pointless, and what to change.
 */
import { Schema } from "effect"
import { show } from "../../kernels/text/show.ts"
import * as NotFinite from "../../policy/NotFinite.ts"
import * as Histogram from "./Histogram.ts"

/** There is nothing to train on. */
export class NothingToTrainOn extends Schema.TaggedError<NothingToTrainOn>()("NothingToTrainOn", {
  /** The stage, its method before it: "RISE/reinforce". */
  stage: Schema.String,
  /** What is missing, such as "lessons". */
  what: Schema.String
}) {
  override get message() {
    return `${this.stage}: there are no ${this.what} to work on; check the data set and what was set aside of it`
  }
}

/** None of the chains that the base wrote for the warm-up can be learned from. */
export class NoUsableChains extends Schema.TaggedError<NoUsableChains>()("NoUsableChains", {
  /** The stage: "warm-up". */
  stage: Schema.String,
  /** Chains that were asked for. */
  asked: Schema.Int,
  /** Of these: without a text, quoting the annotation, and no narrative. */
  empty: Schema.Int,
  leaked: Schema.Int,
  formless: Schema.Int,
  /** The first of them: the image id of its sample, and its text cut to 80 characters. */
  sample: Schema.String,
  text: Schema.String,
  /** The file that holds the first of them whole. */
  file: Schema.String
}) {
  override get message() {
    const parts = [
      ...(this.empty > 0 ? [`${this.empty} are empty`] : []),
      ...(this.leaked > 0 ? [`${this.leaked} quote the annotation`] : []),
      ...(this.formless > 0 ? [`${this.formless} are no narrative`] : [])
    ]
    return `${this.stage}: none of the ${this.asked} chains that the base wrote can be learned from: ` +
      `${parts.join(", ")}. The first, of ${this.sample}: ${show(this.text, 300)}; more in ${this.file}. ` +
      "Write the prompts in words that the model knows, raise maxTokens where texts are cut off, or leave warmUp out"
  }
}

/** Why groups are dead, and what to do. */
export const whyDead = ({ reward, verdict }: { readonly reward: number; readonly verdict: string }): string => {
  const why = reward === 0
    ? verdict === "ok"
      ? "nothing earned a reward"
      : `nothing earned a reward, mostly because of "${verdict}"`
    : `every candidate earns about ${reward.toFixed(3)}`
  const next = verdict === "judge"
    ? "the judge fails on them: its reasons are in the warnings"
    : verdict.startsWith("format")
    ? "warm the policy up (warmUp), pay it to keep the format (`format` here, `practice` in warmUp and " +
      "sft), or draw under the " +
      "task's grammar where the stage has one (grammar: \"mask\")"
    : reward === 0
    ? "warm the policy up (warmUp), or look at its texts with `rise annotate`"
    : "raise temperature, groupSize or promptsPerStep: the policy has stopped trying anything else"
  return `${why}; ${next}`
}

/** Why groups that differ taught nothing, and what to do. */
export const whyMasked = "every text that earned more or less than its group was cut off, and maskTruncated leaves " +
  "those out; raise maxTokens, or set maskTruncated to false"

/** For many steps in a row every group earned one and the same reward: GRPO has nothing to prefer. */
export class EveryGroupDead extends Schema.TaggedError<EveryGroupDead>()("EveryGroupDead", {
  /** The stage, its method before it: "RISE/reinforce". */
  stage: Schema.String,
  /** Steps in a row without a live group. */
  steps: Schema.Int,
  /** The last of them, counted from 1. */
  step: Schema.Int,
  /** Mean reward of the last step. */
  reward: Schema.Finite,
  /** The verdict most candidates got, such as "format-annotation". */
  verdict: Schema.String,
  /** Whether groups differ, and all their texts were cut off and left out (`maskTruncated`). */
  masked: Schema.optionalKey(Schema.Boolean)
}) {
  override get message() {
    const reason = this.masked === true ? whyMasked : whyDead(this)
    return `${this.stage}: all groups of ${this.steps} consecutive steps (up to step ${this.step}) are dead: ${reason}`
  }
}

/** What to do about chains of a verdict. */
const against: Readonly<Record<string, string>> = {
  leak: "their reasonings quote the annotation: say in the reason prompt that they must not, or train RISE-CoT longer",
  judge: "the judge fails on them: its reasons are in the warnings",
  "format-reasoning":
    "the reasonings are none: see chains.jsonl for what is written, give warmUp more steps, or raise " +
    "maxTokens where they are cut off",
  "format-annotation": "what is rebuilt from them cannot be read: see chains.jsonl for what is written, give warmUp " +
    "more steps, or draw under the task's grammar where it has one (grammar: \"mask\")"
}

/** What most chains were judged to be, and what to do about it; nothing where most were read. */
const whyNone = (verdicts: Readonly<Record<string, number>>): string => {
  const ranked = Object.entries(verdicts).toSorted(([, a], [, b]) => b - a)
  const [bad] = ranked
  if (bad === undefined || bad[0] === "ok") return ""
  const [verdict, count] = bad
  const all = ranked.reduce((sum, [, count]) => sum + count, 0)
  const others = ranked.slice(1).map(([verdict, count]) => `${verdict} ${count}`)
  return `Of all ${all} chains ${count} were ${verdict}${others.length === 0 ? "" : ` (${others.join(", ")})`}: ${
    against[verdict] ?? "see chains.jsonl"
  }. `
}

/** τ keeps nothing. */
export class NothingKept extends Schema.TaggedError<NothingKept>()("NothingKept", {
  /** The stage, its method before it: "RISE/filter". */
  stage: Schema.String,
  /** The τ that was asked for; 0 with `soft`. */
  tau: Schema.Finite,
  /** The exponent of rewards as weights, where that was asked for. */
  soft: Schema.optionalKey(Schema.Finite),
  /** Rewards of D_RISE per tenth of [0, 1]. */
  histogram: Schema.Array(Schema.Int),
  /** The τ that would keep 40% of D_RISE; 0 where fewer earned anything. */
  wouldKeep40: Schema.Finite,
  /** How many chains were judged to be what, where that is known. */
  verdicts: Schema.optionalKey(Schema.Record(Schema.String, Schema.Int))
}) {
  override get message() {
    const next = this.wouldKeep40 > 0
      ? `tau ${this.wouldKeep40.toFixed(3)} would keep 40%`
      : "fewer than 40% of the chains earned anything: train RISE-CoT longer or warm up first"
    const none = this.soft === undefined
      ? `no chain reaches tau ${this.tau}`
      : "no chain earned anything, so that none weighs anything"
    return `${this.stage}: ${none}; ${next}. ${whyNone(this.verdicts ?? {})}Rewards of D_RISE:\n${
      Histogram.text(this.histogram)
    }`
  }
}

/**
 * Training makes no numbers any more: a loss, gradient or logit was not finite, several steps in a row or in every step
 * there was. The policy is back at weights that are known to be good.
 */
export class Diverged extends Schema.TaggedError<Diverged>()("Diverged", {
  /** The stage, its method before it: "RISE/sft". */
  stage: Schema.String,
  /** Of the stage, counted from 1; 0 where validation came before the first. */
  step: Schema.Int,
  /** What is no number: "the loss is NaN". */
  reason: Schema.String,
  /** Steps in a row that were skipped, this one included; 0 where it could not be skipped. */
  skipped: Schema.Int,
  /**
   * The last good weights: the step that they are of (0: those that the stage began with), and the model directory that
   * they were written to, or why they were not. Neither in a run that is kept in memory.
   */
  kept: Schema.Struct({
    step: Schema.Int,
    path: Schema.optional(Schema.String),
    unsaved: Schema.optional(Schema.String)
  }),
  /** What was set. */
  learningRate: Schema.Number,
  clipNorm: Schema.Number
}) {
  override get message() {
    const { clipNorm, kept, learningRate, reason, skipped, stage, step } = this
    const row = skipped > 1 ? `, ${skipped} steps in a row` : ""
    const early = kept.step > 0 ? "" : ", or look at the checkpoint that the stage began with"
    const weights = kept.step > 0 ? `The weights of step ${kept.step}` : "The weights that it began with"
    const where = kept.path === undefined
      ? "are in the policy again"
      : `are in ${kept.path}: a model to begin with anew`
    const unsaved = kept.unsaved === undefined ? "" : ` (they could not be written: ${kept.unsaved})`
    return `${stage}: step ${step} diverged: ${reason}${row}; ${NotFinite.gentler} (${learningRate} and ${clipNorm} ` +
      `now)${early}. ${weights} ${where}${unsaved}`
  }
}

/** An option that cannot mean anything here. */
export class BadSetting extends Schema.TaggedError<BadSetting>()("BadSetting", {
  /** The stage, its method before it: "RISE/sft". */
  stage: Schema.String,
  /** Name of the option. */
  setting: Schema.String,
  /** What was given, as text. */
  value: Schema.String,
  /** What would be accepted. */
  expected: Schema.String
}) {
  override get message() {
    return `${this.stage}: ${this.setting} is ${this.value}, expected ${this.expected}`
  }
}

/** A step that stands behind one that it cannot follow. A compiler refuses it too; Node runs scripts without one. */
export class Misplaced extends Schema.TaggedError<Misplaced>()("Misplaced", {
  /** The step, its method before it: "RISE/validate". */
  stage: Schema.String,
  /** What it stands behind, as text. */
  after: Schema.String,
  /** The steps that it may stand behind, by name. */
  expected: Schema.Array(Schema.String)
}) {
  override get message() {
    const wanted = this.expected.map((step) => `Rise.${step}()`).join(" or ")
    return `${this.stage} needs ${wanted} right before it, and stands behind ${this.after}. The paper's order: make, ` +
      "warmUp, generate, reconstruct, validate, reinforce, best, filter, sft, rft, run"
  }
}

/** What a training stage may end with. */
export type StageError =
  | NothingToTrainOn
  | NoUsableChains
  | EveryGroupDead
  | NothingKept
  | Diverged
  | BadSetting
  | Misplaced
