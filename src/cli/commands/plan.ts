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

export const plan = Command.make("plan", Training.flags, (flags) =>
  computing(flags)(Effect.gen(function*() {
    yield* Futile.ofMethod(flags)
    yield* Futile.subject(flags)
    yield* together(flags)
    const { plan, preset } = yield* Training.open(flags, { measure: true })
    const lines = Option.getOrElse(plan, (): ReadonlyArray<Line> => [])
    yield* Console.log([
      `settings: ${preset.name}; every one of them: --print-config`,
      "",
      ...lines.map(of),
      row("in all, about", "", total(lines))
    ].join("\n"))
  }))).pipe(Command.withDescription("What `rise train` would do and how long it would take on this machine"))
