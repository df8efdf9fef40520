/**
 * `start`: `rise annotate` on one picture, from the start of the process to the row: the program loaded, the model
 * read, its graphs compiled, the picture decoded, the text written.
 */
import { Effect, Option } from "effect"
import { writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { Emotion6 } from "../src/tasks/classification/index.ts"
import { command } from "./harness/Command.ts"
import type { Bench } from "./harness/Contest.ts"
import { interpreter, missing, scriptPath, without } from "./harness/Peer.ts"
import { scene } from "./harness/Scene.ts"
import { temporaryFolder } from "./harness/Workload.ts"

const program = fileURLToPath(new URL("../src/cli/rise.ts", import.meta.url))
const model = fileURLToPath(new URL("../assets/scene-vl-places", import.meta.url))

/** A picture in a file. */
const picture = Effect.gen(function*() {
  const path = `${yield* temporaryFolder}/picture.png`
  const png = yield* scene
  yield* Effect.promise(() => writeFile(path, png))
  return path
})

export const benches: ReadonlyArray<Bench> = [{
  name: "start",
  shape: "a process that annotates one picture with the embedded checkpoint, start to row",
  unit: "ms",
  amount: 1,
  rounds: 5,
  ours: Effect.map(
    picture,
    (path) => command("rise annotate", [process.execPath, program, "annotate", path], "first output")
  ),
  peer: Effect.gen(function*() {
    const args = [model, yield* picture, Emotion6.task.prompts.annotate] as const
    const peer = command("transformers, a script", [interpreter(), scriptPath("start.py"), ...args], "first output")
    // Whether it runs here at all.
    const found = yield* Effect.result(peer.seconds(1))
    if (found._tag === "Success") return Option.some(peer)
    const lacks = missing(found.failure.message)
    return yield* lacks === undefined ? Effect.fail(found.failure) : without("start.py", lacks)
  })
}]
