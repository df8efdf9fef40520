/**
 * What the closed loop says about one sample's label.
 */
import { Option, Result, Schema } from "effect"
import type { Group, Validated } from "../../dsl/Group.ts"
import * as PlugIn from "../../dsl/PlugIn.ts"
import * as Reward from "../../dsl/Reward.ts"
import type { Task, Turn } from "../../dsl/Task.ts"
import { bothWays } from "./bothWays.ts"

/** The rankings there are; the lowest score is the most suspect. */
export const rankings = ["best", "mean", "similarity", "metric"] as const
/** One of `rankings`. */
export type Ranking = typeof rankings[number]

/** A line of `audit.jsonl`. */
export const Scored = Schema.Struct({
  image: Schema.String,
  /** Where the image is, if it is a file. */
  path: Schema.optionalKey(Schema.String),
  /** What was asked, in tasks that ask every picture something of its own. */
  question: Schema.optionalKey(Schema.String),
  /** The given annotation, as the model is shown it. */
  label: Schema.String,
  /** The highest reward of the chains (eq. 1). */
  best: Schema.Finite,
  /** The mean reward of the chains. */
  mean: Schema.Finite,
  /**
   * The mean similarity of label and reconstruction, of those that can be read; 0 where none can. Leaks and format do
   * not count.
   */
  similarity: Schema.Finite,
  /**
   * The mean of the task's first metric between label and reconstruction, of those that can be read, its sign turned
   * where less is better; that of no answer where none can; the similarity where the task has no metric. A similarity
   * of eq. 2 is next to 0 for anything far from the label; a metric still tells far from farther.
   */
  metric: Schema.Finite,
  /** Chains drawn, and how many of them leaked or could not be read. */
  chains: Schema.Int,
  leaked: Schema.Int,
  unread: Schema.Int,
  /**
   * The reconstruction that agrees most with the others, and the chain it was made from; null where none could be read.
   */
  reconstruction: Schema.NullOr(Schema.String),
  reasoning: Schema.NullOr(Schema.String),
  /** Where none could be read: the first text that was written in the place of one, cut to 200 characters. */
  wrote: Schema.optionalKey(Schema.String)
})
export type Scored = typeof Scored.Type

/**
 * Whether anything can be said of the label. Where no reconstruction can be read the judge has not answered: that tells
 * of the judge, whatever the label is.
 */
export const answered = ({ reconstruction }: Pick<Scored, "reconstruction">): boolean => reconstruction !== null

/** Shares that are the same to the last digits count as the same. */
const rounding = 1e-9

/** Whether every reconstruction that can be read is the label. */
const rebuilt = (scored: Pick<Scored, "reconstruction" | "similarity">): boolean =>
  answered(scored) && scored.similarity >= 1 - rounding

/**
 * Whether every reconstruction that can be read is the label, and not all of them were made from chains that quote it:
 * nothing speaks against it, so it is no suspect wherever it is ranked.
 */
export const agrees = (
  scored: Pick<Scored, "chains" | "leaked" | "reconstruction" | "similarity" | "unread">
): boolean => rebuilt(scored) && scored.leaked + scored.unread < scored.chains

/** Longest text that is kept of what could not be read. */
const mostWritten = 200

const mean = (values: ReadonlyArray<number>): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length

/**
 * Scores the label of one validated group.
 *
 * @throws what the task's code throws
 */
export const score = <A>(of: Task<A>) => {
  const task = bothWays(of)
  const similarity = Reward.cot(task, { leak: false, format: false })
  const [metric] = task.metrics ?? []
  const sign = metric?.direction === "lower" ? -1 : 1
  return ({ candidates, sample }: Group<A, Validated>): Scored => {
    const texts = candidates.map(({ reasoning, reconstruction }) => ({
      reasoning: reasoning.completion.text,
      reconstruction: reconstruction.completion.text
    }))
    const read = texts.flatMap(({ reasoning, reconstruction }) => {
      const decoded = Reward.readAnswer(task, reconstruction)
      return Result.isSuccess(decoded) ? [{ reasoning, reconstruction, annotation: decoded.success }] : []
    })
    const about = (truth: A): Turn<A> => ({ ...sample, truth })
    const agreement = ({ annotation }: typeof read[number]) =>
      mean(read.map((other) => Reward.similarity(task, annotation, other.annotation, about(annotation))))
    // The first of those that agree most, so that a run repeats.
    const central = read.map((one) => ({ ...one, agreement: agreement(one) }))
      .reduce<Option.Option<typeof read[number] & { readonly agreement: number }>>(
        (most, one) => Option.isSome(most) && most.value.agreement >= one.agreement ? most : Option.some(one),
        Option.none()
      )
    const { id, source } = sample.image
    const similarities = read.map((text) => similarity({ truth: sample.truth, ...text, sample }).reward)
    const rebuilt = read.length === 0 ? [Option.none<A>()] : read.map(({ annotation }) => Option.some(annotation))
    const rewards = candidates.map(({ reward }) => reward)
    return {
      image: id,
      ...(source._tag === "File" ? { path: source.path } : {}),
      ...(sample.question !== undefined && { question: sample.question }),
      label: task.encode(sample.truth),
      best: Math.max(0, ...rewards),
      mean: mean(rewards),
      similarity: mean(similarities),
      metric: metric === undefined
        ? mean(similarities)
        : sign *
          mean(rebuilt.map((annotation) => PlugIn.figure(task, metric, sample.truth, annotation))),
      chains: candidates.length,
      leaked: candidates.filter(({ verdict }) => verdict === "leak").length,
      unread: candidates.length - read.length,
      reconstruction: Option.match(central, {
        onNone: () => null,
        onSome: ({ annotation }) => task.encode(annotation)
      }),
      reasoning: Option.match(central, { onNone: () => null, onSome: ({ reasoning }) => reasoning }),
      ...(Option.isNone(central) && { wrote: texts[0]?.reconstruction.slice(0, mostWritten) ?? "" })
    }
  }
}

/** Why a sample is suspect, or is not, in a sentence. */
export const reason = (scored: Scored): string => {
  const { best, chains, label, leaked, reconstruction, similarity, unread } = scored
  const asides = [
    ...(leaked > 0 ? [`${leaked} of ${chains} chains quote the label`] : []),
    ...(unread > 0 ? [`${unread} of ${chains} reconstructions are no annotation`] : [])
  ].map((aside) => `; ${aside}`).join("")
  if (agrees(scored)) {
    const read = unread === 0 ? `all ${chains} reconstructions` : "all reconstructions that can be read"
    return `not suspect: ${chains === 1 ? "the one reconstruction agrees" : `${read} agree`} with the label${asides}`
  }
  if (reconstruction === null) return `none of ${chains} chains leads back to any annotation${asides}`
  const lead = rebuilt(scored)
    ? "chains lead back to the label, but as they quote it that says nothing of the picture"
    : reconstruction === label
    ? "not all chains written for the label lead back to it"
    : `chains written for the label lead back to "${reconstruction}"`
  return `${lead}: similarity to the label ${similarity.toFixed(2)} on average, reward ${
    best.toFixed(2)
  } at best${asides}`
}
