/**
 * What `train` and `plan` have in common: the task and its data, the methods and the settings that flags ask for.
 */
import { Console, Effect, Option } from "effect"
import { Flag } from "effect/cli"
import { type Method, Presets, warmUp } from "../pipelines/index.ts"
import * as Sources from "../sources/index.ts"
import * as Fitting from "./Fitting.ts"
import * as Flags from "./flags.ts"
import { methods } from "./methods.ts"
import { policy } from "./policy.ts"
import * as Task from "./task.ts"

const all = ["SFT", "Visual-RFT", "RISE"] as const satisfies ReadonlyArray<Method>

const method = Flag.Literals("method", ["all", "RISE", "SFT", "Visual-RFT"]).pipe(
  Flag.withDescription("Which method to train; all of them are compared"),
  Flag.withDefault("all" as const)
)

export const flags = { ...Flags.study, ...Task.flags, ...Fitting.flags, method }

/** The flags, parsed. */
export type Training = Flags.Study & Task.TaskFlags & Fitting.Fitting & { readonly method: "all" | Method }

/** The preset that is asked for by name or by embedded data; None: settings are fitted to the data. */
const presetOf = (flags: Training): Option.Option<Presets.Preset> =>
  Option.orElse(
    Option.map(flags.preset, (name) => Presets.presets[name]),
    () => Option.isSome(flags.data) ? Option.none() : Option.some(Presets.quick)
  )

/** Opens the data and chooses the settings. `measure` times this machine also without a budget. */
export const open = (flags: Training, { measure }: { readonly measure: boolean }) =>
  Effect.gen(function*() {
    const task = yield* Task.task(flags)
    const source = yield* Sources.softLabels({ task, ...flags })
    const names = all.filter((name) => flags.method === "all" || name === flags.method)
    const chosen = yield* Fitting.choose({
      flags,
      task,
      train: source.train,
      test: source.test,
      methods: names,
      preset: presetOf(flags),
      policy: (preset) => policy(flags, preset)
    }, { measure })
    for (const note of chosen.notes) yield* Console.error(note)
    const { preset } = chosen
    const start = warmUp(task, source.train, preset)
    return {
      task,
      source,
      start,
      ...chosen,
      methods: Object.fromEntries(
        Object.entries(methods(flags, preset)(start)).filter(([name]) =>
          flags.method === "all" || name === flags.method
        )
      )
    }
  })
