/** Work in a folder by a command that is the process, or by one in it, and then how far the nursery grows. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Option, Stream } from "effect"
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { main } from "../../src/cli/process.ts"
import { working } from "../../src/cli/working.ts"
import * as Stub from "../dsl/StubPolicy.ts"

const [, , whose, out = ""] = process.argv

const grown = Effect.sync(() => {
  const live = Array.from({ length: 400_000 }, (_, i) => ({ i }))
  // While V8 marks, which begins when it likes, what lives stays in the nursery, however small that is: it is to end.
  setFlagsFromString("--expose-gc")
  const collect: unknown = runInNewContext("gc")
  if (typeof collect === "function") collect({ type: "major", execution: "sync" })
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
