/**
 * What a plug-in has to be made of: said where it is made, not by the stage that first stumbles over it.
 */
import { Predicate, Schema } from "effect"
import { near } from "../kernels/text/near.ts"
import { show } from "../kernels/text/show.ts"

/** A name that can be a file's: artefacts and run folders bear it. */
const isFileName = (name: string): boolean => !/[\\/\p{Cc}]/u.test(name) && !/^\.+$/.test(name.trim())

const kindOf = (value: unknown): string => value === null ? "null" : typeof value

/** The member that is not of its kind, or undefined. */
const odd = (
  members: Readonly<Record<string, unknown>>,
  kinds: Readonly<Record<string, "function" | "string">>
): string | undefined => {
  for (const [name, kind] of Object.entries(kinds)) {
    const value = members[name.split(".").at(-1) ?? ""]
    const wanted = kind === "string" ? "text" : "a function"
    if (typeof value !== kind) return `${name} is ${kindOf(value)}, expected ${wanted}`
  }
  return undefined
}

const directions: ReadonlyArray<unknown> = ["lower", "higher"]

const metricFault = (metric: unknown, i: number, common: ReadonlyArray<string>): string | undefined => {
  if (!Predicate.isObject(metric)) return `metrics[${i}] is ${kindOf(metric)}, expected { name, direction, of }`
  const { direction, name }: { readonly direction?: unknown; readonly name?: unknown } = metric
  if (typeof name === "string" && common.includes(name)) {
    return `a metric is named "${name}", which every task has already: give it another name`
  }
  return odd({ ...metric }, { [`metrics[${i}].name`]: "string", [`metrics[${i}].of`]: "function" }) ??
    (directions.includes(direction)
      ? undefined
      : `metrics[${i}].direction is ${show(direction)}, expected "lower" or "higher"`)
}

/** A prompt as its code writes it around nothing; code that throws is told where it is run. */
const written = (prompt: unknown): string => {
  try {
    const text: unknown = typeof prompt === "function" ? prompt("") : prompt
    return typeof text === "string" ? text : ""
  } catch {
    return ""
  }
}

/** A word in braces that is nearly the one that stands for a sample's question. */
const slip = (prompts: object): string | undefined => {
  for (const [form, prompt] of Object.entries(prompts)) {
    for (const [word, name = ""] of written(prompt).matchAll(/\{\s*(\w+)\s*\}/g)) {
      // Measured by its length: "suggestion" may have more changed, and is a word of its own.
      if (word === "{question}" || near("question", [name]).length === 0) continue
      return `prompts.${form} holds ${word}: did you mean {question}? That alone stands for a sample's question`
    }
  }
  return undefined
}

const isJson = Schema.is(Schema.Json)

/** Functions that may be left out. */
const optional = ["judge", "leaks", "setMetric", "rank", "combine", "grammar"] as const

/** The members of a plug-in, whatever they are. */
interface Members {
  readonly [member: string]: unknown
  readonly name: unknown
  readonly annotation: unknown
  readonly prompts: unknown
  readonly judging?: unknown
  readonly metrics?: unknown
  readonly described?: unknown
  readonly oneSided?: unknown
  readonly placeless?: unknown
  readonly single?: unknown
}

/**
 * What is wrong with a plug-in, where something is.
 *
 * @param common names of metrics that every task has
 */
export const fault = (task: Members, common: ReadonlyArray<string>): string | undefined => {
  const { name, prompts } = task
  if (typeof name !== "string") return `name is ${kindOf(name)}, expected text`
  if (name.trim() === "") return "the name is empty"
  if (!isFileName(name)) {
    return `the name is ${show(name)}, expected one that a file can bear, without slashes`
  }
  if (!Schema.isSchema(task.annotation)) {
    return `annotation is ${kindOf(task.annotation)}, expected a schema such as Schema.String`
  }
  if (!Predicate.isObject(prompts)) {
    return `prompts is ${kindOf(prompts)}, expected { reason, reconstruct, annotate, answerOnly }`
  }
  const given = optional.filter((member) => task[member] !== undefined)
  const wrong = odd({ ...task }, {
    encode: "function",
    decode: "function",
    similarity: "function",
    ...Object.fromEntries(given.map((member) => [member, "function"] as const))
  }) ??
    odd({ ...prompts }, {
      "prompts.reason": "function",
      "prompts.reconstruct": "function",
      "prompts.annotate": "string",
      "prompts.answerOnly": "string"
    })
  if (wrong !== undefined) return wrong
  const slipped = slip(prompts)
  if (slipped !== undefined) return slipped
  if (task.described !== undefined && !isJson(task.described)) {
    return `described is ${kindOf(task.described)} that is no JSON, expected an object of texts, numbers and lists`
  }
  const { judging } = task
  const switched = (["oneSided", "placeless", "single"] as const).find((member) =>
    task[member] !== undefined && typeof task[member] !== "boolean"
  )
  if (switched !== undefined) return `${switched} is ${kindOf(task[switched])}, expected true or false`
  if (judging !== undefined && !Predicate.isObject(judging)) {
    return `judging is ${kindOf(judging)}, expected a record such as { concurrency: 4 }`
  }
  const metrics: unknown = task.metrics ?? []
  if (!Array.isArray(metrics)) return `metrics is ${kindOf(metrics)}, expected a list`
  for (const [i, metric] of metrics.entries()) {
    const found = metricFault(metric, i, common)
    if (found !== undefined) return found
  }
  return undefined
}
