/** `rise plan`: what `rise train` would do and how long it would take here, before anything runs. */
import { Console, Effect, Option } from "effect"
import { Command } from "effect/cli"
import { duration } from "../../dsl/Progress.ts"
import { type Line, total } from "../../pipelines/index.ts"
import * as Futile from "../futile.ts"
import { computing } from "../main.ts"
import { together } from "../policy.ts"
import * as Training from "../Training.ts"

const row = (stage: string, what: string, seconds: number): string =>
  `${stage.padEnd(24)}${what.padStart(14)}${duration(seconds).padStart(10)}`

const of = ({ samples, seconds, stage, steps }: Line): string =>
  row(stage, steps === undefined ? `${samples} pictures` : `${steps} steps`, seconds)

const printed = <A>(flags: Training.Training, source: Training.Opened<A>) =>
  Effect.gen(function*() {
    const { plan, preset } = yield* Training.choose(flags, source, { measure: true })
    const lines = Option.getOrElse(plan, (): ReadonlyArray<Line> => [])
    yield* Console.log([
      `settings: ${preset.name}; every one of them: rise train … --print-config`,
      "",
      ...lines.map(of),
      row("in all, about", "", total(lines))
    ].join("\n"))
  })

export const plan = Command.make("plan", Training.flags, (flags) =>
  computing(flags)(Effect.gen(function*() {
    yield* Futile.ofMethod(flags)
    yield* together(flags)
    const source = yield* Training.open(flags)
    yield* source.kind === "boxes" ? printed(flags, source) : printed(flags, source)
  })))
