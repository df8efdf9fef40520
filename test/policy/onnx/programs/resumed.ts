/** A process that goes on with a stage from a checkpoint and keeps where it ended: `node resumed.ts GIVEN`. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer, Logger } from "effect"
import { Runtime } from "../../../../src/kernels/runtime/index.ts"
import { Policy } from "../../../../src/policy/index.ts"
import * as Stages from "../stages.ts"

export interface Given {
  readonly kind: Stages.Kind
  readonly trained: Stages.Trained
  /** A checkpoint. */
  readonly from: string
  /** Steps that it had taken. */
  readonly step: number
  readonly to: string
}

const { from, kind, step, to, trained } = JSON.parse(process.argv[2] ?? "") as Given

const program = Effect.gen(function*() {
  const policy = yield* Policy
  yield* policy.restore(from)
  yield* Stages.go(kind, step)
  yield* policy.checkpoint(to)
})

await Effect.runPromise(program.pipe(
  Effect.provide(
    Stages.fresh(trained, kind).pipe(Layer.provideMerge(Layer.merge(Runtime.layer({ workers: 1 }), NodeServices.layer)))
  ),
  Effect.provideService(Logger.LogToStderr, true)
))
