/** A program under `NodeRuntime.runMain` that is inside a run when its test sends SIGINT. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import { HostTensor, Runtime } from "../../../src/kernels/runtime/index.ts"
import * as Tiny from "./tinyModel.ts"

const square: HostTensor.HostTensor = { dtype: "float32", dims: [384, 384], data: HostTensor.shared.float32(384 * 384) }

Effect.gen(function*() {
  const runtime = yield* Runtime.Runtime
  const session = yield* runtime.open(0, Tiny.matMuls(384, 400), { bound: { w: square } })
  yield* Effect.addFinalizer(() => Console.log("finalized"))
  const run = session.run({ x: square }, ["y"])
  yield* Effect.forEach(
    Array.from({ length: 100 }),
    () => Effect.andThen(run, Console.log("ran")),
    { concurrency: 4 }
  )
}).pipe(Effect.scoped, Effect.provide(Runtime.layer({ workers: 2 })), NodeRuntime.runMain)
