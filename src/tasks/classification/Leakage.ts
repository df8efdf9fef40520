/**
 * What quoting the annotation means for a distribution: its numbers, and where a task says so its labels.
 */
import { Option } from "effect"
import * as Leakage from "../../dsl/Leakage.ts"
import type { LeakReason } from "../../dsl/Task.ts"
import { percents } from "./Codec.ts"
import type { Distribution } from "./Labels.ts"

/** Whether a reasoning may name a class ("joyful" is fine either way, "joy" is the class). */
export type LabelPolicy = "allow" | "forbid"

const escape = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")

/** The leakage rule of a task with these labels. */
export const leaks = (labels: ReadonlyArray<string>, policy: LabelPolicy) => {
  const named = new RegExp(`(?<![\\p{L}\\p{N}])(?:${labels.map(escape).join("|")})(?![\\p{L}\\p{N}])`, "iu")
  return (reasoning: string, truth: Distribution): Option.Option<LeakReason> => {
    if (policy === "forbid") {
      const label = named.exec(reasoning.normalize("NFKC"))
      if (label !== null) return Option.some({ reason: "label", value: label[0] })
    }
    return Leakage.numeric(reasoning, { coordinates: percents(truth).filter((percent) => percent > 0), names: labels })
  }
}
