/** `rise train`: the comparison of methods on soft labels. */
import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { warmUp } from "../../pipelines/index.ts"
import * as Sources from "../../sources/index.ts"
import { barsOf, compare } from "../../studies/index.ts"
import * as Flags from "../flags.ts"
import { computing } from "../main.ts"
import { methods } from "../methods.ts"
import { policy } from "../policy.ts"
import { study } from "../study.ts"
import * as Task from "../task.ts"

const method = Flag.Literals("method", ["all", "RISE", "SFT", "Visual-RFT"]).pipe(
  Flag.withDescription("Which method to train; default: all of them, which are compared"),
  Flag.withDefault("all" as const)
)

export const train = Command.make(
  "train",
  { ...Flags.study, ...Task.flags, method },
  (flags) =>
    computing(flags)(Effect.gen(function*() {
      const task = yield* Task.task(flags)
      const preset = Flags.settings(flags)
      const source = yield* Sources.softLabels({ task, ...flags })
      const start = warmUp(task, source.train, preset)
      const chosen = Object.entries(methods(flags, preset)(start)).filter(([name]) =>
        flags.method === "all" || name === flags.method
      )
      yield* compare({
        start,
        methods: Object.fromEntries(chosen),
        test: source.test,
        preset,
        policy: policy(flags, preset),
        shots: source.shots,
        mean: Sources.meanDistribution,
        cuesNamed: source.cuesNamed,
        bars: barsOf(task)
      }).pipe(study({ name: task.name, flags, task, source }))
    }))
).pipe(Command.withDescription("Train and compare base, SFT, Visual-RFT and RISE"))
