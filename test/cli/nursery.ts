/** Work in a folder by a command that is the process, or by one in it, and then how far the nursery grows. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Option, Stream } from "effect"
import { getHeapSpaceStatistics } from "node:v8"
import { main } from "../../src/cli/process.ts"
import { working } from "../../src/cli/working.ts"
import * as Stub from "../dsl/StubPolicy.ts"

const [, , whose, out = ""] = process.argv

const grown = Effect.sync(() => {
  const live = Array.from({ length: 400_000 }, (_, i) => ({ i }))
  const nursery = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space")
  console.log(JSON.stringify([live.length, nursery?.space_size]))
})

const program = Effect.andThen(
  working({
    flags: { seed: 0, resume: false, out: Option.some(out) },
    name: "mood",
    task: Stub.Mood,
    train: Stub.data(3),
    test: Stream.empty,
    config: {}
  })(() => Effect.void),
  grown
)

if (whose === "own") main(program)
else await Effect.runPromise(Effect.provide(program, NodeServices.layer))
