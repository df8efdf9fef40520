/**
 * What `train` and `plan` have in common: the task and its data, the methods and the settings that flags ask for.
 */
import { Console, Effect, Option } from "effect"
import { Flag } from "effect/cli"
import type { Task } from "../dsl/Task.ts"
import { forTask, type Method, methodNames, Presets, warmUp } from "../pipelines/index.ts"
import type * as Sources from "../sources/index.ts"
import * as Engine from "./engine/flags.ts"
import * as Fitting from "./Fitting.ts"
import * as Flags from "./flags.ts"
import { methods } from "./methods.ts"
import * as Pictures from "./pictures.ts"
import { policy } from "./policy.ts"

const method = Flag.Literals("method", ["all", "RISE", "SFT", "Visual-RFT"]).pipe(
  Flag.withDescription("Which method to train; default: all of them, which are compared"),
  Flag.withDefault("all" as const)
)

export const flags = {
  ...Flags.study,
  ...Engine.flags,
  ...Pictures.flags,
  ...Fitting.flags,
  lora: Flags.rank,
  model: Flags.model.pipe(Flag.withDescription(
    "A Hugging Face directory, with --engine the model as the engine calls it; default: the embedded checkpoint"
  )),
  method
}

/** The flags, parsed. */
export type Training =
  & Parameters<typeof Pictures.open>[0]
  & Flags.Study
  & Engine.Engine
  & Fitting.Filed<Fitting.Fitting>
  & {
    readonly method: "all" | Method
  }

/**
 * The preset that is asked for by name or by embedded data; None: settings are fitted to the data, and for a model at
 * an engine to all data: no preset was made for it. Boxes take longer texts than the preset's own.
 */
const presetOf = (flags: Training, kind: "boxes" | "classes"): Option.Option<Presets.Preset> =>
  Option.orElse(
    Option.map(flags.preset, (name) =>
      kind === "boxes" ? forTask("coco-sub", Presets.presets[name]) : Presets.presets[name]),
    () =>
      Option.isSome(flags.data) || Engine.trains(flags) ? Option.none() : Option.some(Presets.quick)
  )

/** Data that are open. */
export interface Opened<A> extends Sources.TaskSource<A, Task<A>> {
  readonly kind: "boxes" | "classes"
  /** What there is to say of how pictures of one's own were read, a line each. */
  readonly notes?: ReadonlyArray<string>
  /** Whether the test half was held out by a draw. */
  readonly drawn?: boolean
}

/** Chooses the settings for data that are open. `measure` times this machine also without a budget. */
export const choose = <A>(
  flags: Training,
  { kind, task, test, train }: Opened<A>,
  options: { readonly measure: boolean }
) =>
  Effect.gen(function*() {
    const chosen = yield* Fitting.choose({
      flags,
      task,
      train,
      test,
      methods: methodNames.filter((name) => flags.method === "all" || name === flags.method),
      preset: presetOf(flags, kind),
      policy: (preset) => policy(flags, preset)
    }, options)
    for (const note of chosen.notes) yield* Console.error(note)
    const { preset } = chosen
    const start = warmUp(task, train, preset)
    return {
      ...chosen,
      names: chosen.methods,
      start,
      methods: Object.fromEntries(
        Object.entries(methods(flags, preset)(start)).filter(([name]) =>
          // Variants of a baseline go with it.
          chosen.methods.some((method) => name === method || name.startsWith(`${method} (`))
        )
      )
    }
  })

/** Opens the data that the flags name. */
export const open = (flags: Training) => Pictures.open(flags)
