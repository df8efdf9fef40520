/** `rise plan`: what `rise train` would do, how long and in how much memory, before anything runs. */
import { Console, Effect, Option, Stream } from "effect"
import { Command } from "effect/cli"
import * as Aside from "../../dsl/Aside.ts"
import { duration, Event, report } from "../../dsl/Progress.ts"
import * as Quarantine from "../../dsl/Quarantine.ts"
import { Runtime } from "../../kernels/runtime/index.ts"
import { type Line, memory, total } from "../../pipelines/index.ts"
import { size } from "../doctor/Finding.ts"
import { memoryHere } from "../doctor/machine.ts"
import * as Engine from "../engine/index.ts"
import * as Fitting from "../Fitting.ts"
import * as Futile from "../futile.ts"
import { computing } from "../main.ts"
import * as Pictures from "../pictures.ts"
import { howOf, together } from "../policy.ts"
import * as Training from "../Training.ts"

const row = (stage: string, what: string, amount: string): string =>
  `${stage.padEnd(24)}${what.padStart(14)}${amount.padStart(10)}`

const of = ({ samples, seconds, stage, steps }: Line): string =>
  row(stage, steps === undefined ? `${samples} pictures` : `${steps} steps`, duration(seconds))

/** What to turn where more is needed than there is. */
const thrifty = "--workers 1 --recompute"

const counting = "counting memory"

/** The most that the run would hold, and what to do where that is more than there is. */
const held = Effect.fnUntraced(function*<A>(
  flags: Training.Training,
  { task, train }: Training.Opened<A>,
  run: Omit<Parameters<typeof memory>[0], "data" | "how" | "model" | "task">
) {
  const { workers } = yield* Runtime.Runtime
  yield* report(Event.Started({ stage: counting, total: 0, unit: "graphs" }))
  const subject = { ...run, task, data: train, model: flags.model }
  const how = howOf(flags, run.preset, workers)
  const { total: needed } = yield* memory({ ...subject, how })
  yield* report(Event.Finished({ stage: counting, note: "" }))
  const { free } = memoryHere()
  if (needed <= free) return [row("memory, about", "", size(needed))]
  const least = yield* memory({ ...subject, how: { ...how, workers: 1, recompute: true } })
  return [
    row("memory, about", "", size(needed)),
    `That is more than the ${size(free)} that are free: with ${thrifty} it is ${size(least.total)}` +
    (Option.isNone(flags.lora) ? "; --lora 16 trains an adapter in less" : "")
  ]
})

/** What an engine would be asked for: how long that takes, nobody here knows. */
const elsewhere = <A>(flags: Training.Training, source: Training.Opened<A>) =>
  Effect.gen(function*() {
    const { names, preset } = yield* Training.choose(flags, source, { measure: false })
    yield* Engine.referenced(flags, preset)
    const sizes = { train: yield* Stream.runCount(source.train), test: yield* Stream.runCount(source.test) }
    yield* Console.log([
      `settings: ${preset.name}; every one of them: rise train … --print-config`,
      "",
      ...Engine.workload(preset, names, sizes),
      "",
      "How long it takes is up to the engine: rise doctor --engine … says whether it is there."
    ].join("\n"))
  })

const printed = <A>(flags: Training.Training, source: Training.Opened<A>) =>
  Effect.gen(function*() {
    const { names, plan, preset } = yield* Training.choose(flags, source, { measure: true })
    const { lines, sizes } = Option.getOrElse(plan, () => ({ lines: [], sizes: { train: 0, test: 0 } }))
    yield* Console.log([
      `settings: ${preset.name}; every one of them: rise train … --print-config`,
      "",
      ...lines.map(of),
      row("in all, about", "", duration(total(lines))),
      ...yield* held(flags, source, { preset, methods: names, pictures: sizes.train + sizes.test })
    ].join("\n"))
  })

// It prints no settings: `rise train --print-config` does.
const { printConfig: _, ...flags } = Training.flags

export const plan = Command.make("plan", flags, (given) => {
  return computing(Engine.threads(given), "flags")(Effect.gen(function*() {
    yield* Futile.ofMethod(given)
    yield* together(given)
    const flags = yield* Fitting.read({ ...given, printConfig: false })
    yield* Engine.check(flags)
    const rest = "rise doctor --all names them"
    const { lines, source } = yield* Pictures.look(flags, { aside: { rows: Aside.shown, rest } })
    for (const line of lines) yield* Console.error(line)
    const said = Engine.trains(flags)
      ? source.kind === "boxes" ? elsewhere(flags, source) : elsewhere(flags, source)
      : source.kind === "boxes"
      ? printed(flags, source)
      : printed(flags, source)
    // Of what is set aside these lines have told.
    yield* lines.length > 0 ? Quarantine.silently(said) : said
  }))
})
