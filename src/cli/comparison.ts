/**
 * An example that compares the paper's methods on one of its tasks: base, SFT, Visual-RFT and RISE.
 */
import { Effect } from "effect"
import type { Task } from "../dsl/Task.ts"
import { type TaskName, warmUp } from "../pipelines/index.ts"
import type * as Sources from "../sources/index.ts"
import { compare } from "../studies/index.ts"
import { isEmbedded } from "./embedded.ts"
import { settings } from "./flags.ts"
import { plainExample, type Services } from "./main.ts"
import { methods } from "./methods.ts"
import { policy } from "./policy.ts"
import { study } from "./study.ts"

/**
 * A program that compares the paper's methods on one task: reads the process's flags, opens the data, runs the study.
 *
 * @param name names the command, its default folder and the settings of the task
 * @param description what `--help` says
 * @param open the task and its halves, as the flags ask for them
 */
export const comparison = <A, T extends Task<A>>(
  name: TaskName,
  description: string,
  open: (options: Sources.Options) => Effect.Effect<Sources.TaskSource<A, T>, Sources.Fault, Services>
): void =>
  plainExample(
    name,
    description,
    Effect.fnUntraced(function*(flags) {
      const preset = settings(flags, name)
      const source = yield* open({ ...flags, embedded: isEmbedded(flags) })
      const start = warmUp(source.task, source.train, preset)
      yield* compare({
        ...source, // the test half, the prior, what a text names
        start,
        methods: methods(flags, preset)(start), // SFT: eq. 8 on bare answers; Visual-RFT: eq. 10; RISE: eq. 1, 7, 8, 10
        preset,
        policy: policy(flags, preset)
      }).pipe(study({ name, preset, flags, task: source.task, source }))
    })
  )
