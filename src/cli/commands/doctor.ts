/** `rise doctor`: what is wrong before a run begins, and how to mend it, in one screen. */
import { Console, Effect, Option, Schema } from "effect"
import { Command } from "effect/cli"
import { wrapped } from "../columns.ts"
import { data } from "../doctor/data.ts"
import type { Finding } from "../doctor/Finding.ts"
import { machine } from "../doctor/machine.ts"
import { model } from "../doctor/model.ts"
import * as Flags from "../flags.ts"
import * as Pictures from "../pictures.ts"
import { readable } from "../process.ts"

const columns = 80
const indent = 18

class NotReady extends Schema.TaggedError<NotReady>()("NotReady", { about: Schema.Array(Schema.String) }) {
  override get message() {
    return `a run would not start: mend ${this.about.join(", ")}`
  }
}

const marks = { ok: "ok   ", note: "note ", wrong: "WRONG" } as const

/** A finding within 80 columns: how it is, what it is about, what there is to say and to do. */
export const line = ({ about, mend, state, text }: Finding): string => {
  const rows = [text, ...(mend === undefined ? [] : [`→ ${mend}`])].flatMap((part) => wrapped(part, columns - indent))
  return `${marks[state]} ${about.padEnd(indent - 6)}${rows.join(`\n${" ".repeat(indent)}`)}`
}

export const doctor = Command.make(
  "doctor",
  { model: Flags.model, data: Pictures.flags.data },
  (flags) =>
    readable(Effect.gen(function*() {
      const findings = [
        ...(yield* machine),
        ...(yield* model(flags.model)),
        ...(yield* Effect.forEach(Option.toArray(flags.data), (place) => data(place, flags.model))).flat()
      ]
      for (const finding of findings) yield* Console.log(line(finding))
      const about = findings.filter(({ state }) => state === "wrong").map(({ about }) => about)
      if (about.length > 0) return yield* new NotReady({ about })
      yield* Console.log("\nA run can start.")
    }))
)
