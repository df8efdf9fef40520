/** `rise doctor`: what is wrong before a run begins, and how to mend it, in one screen. */
import { Console, Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { wrapped } from "../../dsl/progress/Width.ts"
import { CommandLine } from "../commandLine.ts"
import { data } from "../doctor/data.ts"
import { engine } from "../doctor/engine.ts"
import type { Finding } from "../doctor/Finding.ts"
import { machine } from "../doctor/machine.ts"
import { model } from "../doctor/model.ts"
import { sampler } from "../doctor/sampler.ts"
import { embeddedModel } from "../embedded.ts"
import * as Engine from "../engine/flags.ts"
import * as Flags from "../flags.ts"
import { refuse } from "../futile.ts"
import * as Pictures from "../pictures.ts"
import { readable } from "../process.ts"
import { asksJson } from "../telling.ts"

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

/** Flags that speak of an engine are for one. */
const together = (
  { engine, lora, tokenizer }: { readonly [Flag in "engine" | "lora" | "tokenizer"]: Option.Option<unknown> }
) =>
  Option.isSome(engine)
    ? Effect.void
    : refuse(
      { "--tokenizer": tokenizer, "--lora": lora },
      (flag) => `${flag} is for an engine: give its address, --engine tinker=URL, or leave it out`
    )

export const doctor = Command.make(
  "doctor",
  {
    model: Flags.model.pipe(Flag.withDescription(
      "A Hugging Face directory, with --engine or --sampler the model as these call it; default: the embedded " +
        "checkpoint"
    )),
    data: Pictures.flags.data,
    labels: Pictures.flags.labels,
    subject: Pictures.flags.subject,
    task: Pictures.flags.task,
    engine: Engine.flags.engine,
    tokenizer: Engine.flags.tokenizer.pipe(Flag.withDescription(
      "A Hugging Face directory of the engine's model, without weights; with it pictures, losses and optimiser are " +
        "tried there; default: none"
    )),
    sampler: Engine.flags.sampler.pipe(
      Flag.withDescription("Try vLLM servers: what they serve, and whether it can be learned from; default: none")
    ),
    all: Flag.Boolean("all").pipe(
      Flag.withDescription("Name every row of --data that is set aside; default: the first three"),
      Flag.withDefault(false)
    ),
    lora: Flags.rank.pipe(Flag.withDescription("Rank of the adapters that are tried at --engine; default: 32"))
  },
  (flags) =>
    readable(Effect.gen(function*() {
      yield* together(flags)
      if (Option.isNone(flags.data)) {
        yield* refuse(
          { "--labels": flags.labels, "--subject": flags.subject, "--task": flags.task, "--all": flags.all },
          (flag) => `${flag} is for pictures of one's own: name them, --data`
        )
      }
      const json = asksJson(yield* CommandLine)
      const elsewhere = Option.isSome(flags.engine) || Option.isSome(flags.sampler)
      // What data are understood as does not depend on a model that is not here.
      const local = elsewhere ? embeddedModel : flags.model
      const findings = [
        // Where something else computes, devices of this machine are of no account.
        ...(yield* machine).filter(({ about }) => !elsewhere || about !== "devices"),
        ...(elsewhere ? [] : yield* model(flags.model)),
        ...(yield* engine({ ...flags, seed: 0 })),
        ...(yield* sampler(flags)),
        ...(yield* Effect.forEach(Option.toArray(flags.data), (place) => data(place, local, flags, flags.all))).flat()
      ]
      for (const finding of findings) yield* Console.log(json ? JSON.stringify(finding) : line(finding))
      const about = [...new Set(findings.filter(({ state }) => state === "wrong").map(({ about }) => about))]
      if (about.length > 0) return yield* new NotReady({ about })
      if (!json) yield* Console.log("\nA run can start.")
    }))
)
