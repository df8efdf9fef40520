/** `rise train`: the comparison of methods on soft labels, or on pictures of the user's own. */
import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import type { Task } from "../../dsl/Task.ts"
import { warmUp } from "../../pipelines/index.ts"
import type * as Sources from "../../sources/index.ts"
import { barsOf, compare, type Example } from "../../studies/index.ts"
import * as Flags from "../flags.ts"
import { computing } from "../main.ts"
import { methods } from "../methods.ts"
import * as Pictures from "../pictures.ts"
import { policy } from "../policy.ts"
import { study } from "../study.ts"

const method = Flag.Literals("method", ["all", "RISE", "SFT", "Visual-RFT"]).pipe(
  Flag.withDescription("Which method to train; all of them are compared"),
  Flag.withDefault("all" as const)
)

const data = Flags.data.pipe(
  Flag.withDescription(
    "Pictures of your own: class folders, a table or another layout of docs/data.md, or the file that describes " +
      "them; default: the embedded scenes (synthetic)"
  )
)

type Bars<A> = (annotation: A) => Example["bars"]

/** Compares the methods that the flags ask for. */
const comparison = <A>(
  flags: Flags.Study & { readonly method: "all" | "RISE" | "SFT" | "Visual-RFT" },
  source: Sources.TaskSource<A, Task<A>>,
  more: { readonly bars?: Bars<A> } = {}
) => {
  const preset = Flags.settings(flags)
  const start = warmUp(source.task, source.train, preset)
  const chosen = Object.entries(methods(flags, preset)(start)).filter(([name]) =>
    flags.method === "all" || name === flags.method
  )
  return compare({
    ...source, // the test half, the prior, shots, what a text names
    ...more,
    start,
    methods: Object.fromEntries(chosen),
    preset,
    policy: policy(flags, preset)
  }).pipe(study({ name: source.task.name, flags, task: source.task, source }))
}

export const train = Command.make(
  "train",
  { ...Flags.study, ...Pictures.flags, data, method },
  (flags) =>
    computing(flags)(Effect.gen(function*() {
      const source = yield* Pictures.open(flags)
      yield* source.kind === "boxes"
        ? comparison(flags, source)
        : comparison(flags, source, { bars: barsOf(source.task) })
    }))
).pipe(Command.withDescription("Train and compare base, SFT, Visual-RFT and RISE"))
