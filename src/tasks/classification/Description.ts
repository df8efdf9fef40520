/**
 * A classification task as JSON: what is written beside a model that was trained for it.
 */
import { Option, Schema } from "effect"
import type { Prompts } from "../../dsl/Task.ts"
import * as Wording from "../Wording.ts"
import type { Definition } from "./Definition.ts"

/** The description, version 1. */
export const Description = Schema.Struct({
  version: Schema.Literal(1),
  kind: Schema.Literal("classification"),
  name: Wording.Name,
  labels: Schema.Array(Wording.Name),
  answer: Schema.Literals(["distribution", "single"]),
  subject: Schema.String,
  similarity: Schema.Literals(["bounded", "literal"]),
  /** Whether a reasoning may name a label. */
  naming: Schema.Literals(["allow", "forbid"]),
  prompts: Wording.Wording
})
export type Description = typeof Description.Type

const encode = Schema.encodeUnknownOption(Description)

/** None where the task cannot be written down: see `Wording`. */
export const describe = (
  { answer = "distribution", labels, leakage, name, similarity = "bounded", subject }: Definition,
  prompts: Prompts
): Option.Option<Schema.Json> =>
  Option.flatMap(Wording.ofPrompts(prompts), (prompts) => {
    const naming = leakage?.labels ?? "allow"
    return encode({ version: 1, kind: "classification", name, labels, answer, subject, similarity, naming, prompts })
  })

/** The definition that a description is of. */
export const definition = ({ naming, prompts, ...described }: Description): Definition => ({
  ...described,
  leakage: { labels: naming },
  prompts: Wording.toPrompts(prompts)
})
