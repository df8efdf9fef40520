/** What the head of the page shows of run.json. */
import type { Schema } from "effect"

/** Scalars of run.json, by dotted path. */
export const of = (value: Schema.Json, at = ""): ReadonlyArray<readonly [string, string]> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.entries(value).flatMap(([key, inner]) => of(inner, at === "" ? key : `${at}.${key}`))
    : [[at, String(value)]]

/** The words for those that are shown. */
const shown: Readonly<Record<string, string>> = {
  task: "task",
  seed: "seed",
  "config.preset": "settings",
  "config.model": "model",
  "config.source": "data",
  "config.shots": "shots",
  "data.samples": "samples",
  "data.train.samples": "training samples",
  "data.test.samples": "test samples"
}

/**
 * How many samples of a half were used, where a preset takes only its first: a run's settings lie one level deeper than
 * a cell's.
 */
export const used = (facts: ReadonlyMap<string, string>, name: string, value: string): string => {
  if (name === "config.shots") return value === "full" ? "all labelled pictures" : `${value} of each label`
  if (name === "config.preset" && value === "fitted") return "fitted to model and data, under those that were given"
  const [, half] = /^data\.(train|test)\.samples$/.exec(name) ?? []
  const limit = Number(facts.get(`config.settings.limit.${half}`) ?? facts.get(`config.limit.${half}`))
  return limit < Number(value) ? `${limit} of ${value}` : value
}

/** A half that the run has no use for: nothing is trained in an evaluation, nothing tested in an audit. */
const unused = /^data\.(train|test)\.samples$/

/** The rows of the page's head. */
export const rows = (facts: ReadonlyMap<string, string>): ReadonlyArray<readonly [string, string]> =>
  [...facts].flatMap(([name, value]) => {
    const label = shown[name]
    return label === undefined || unused.test(name) && value === "0" ? [] : [[label, used(facts, name, value)] as const]
  })
