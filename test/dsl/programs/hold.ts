/** Holds a folder until it is killed, or says why it cannot: `node hold.ts FOLDER`. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect } from "effect"
import * as RunLock from "../../../src/dsl/RunLock.ts"

RunLock.hold(process.argv[2] ?? "").pipe(
  Effect.andThen(Console.log("held")),
  Effect.andThen(Effect.never),
  Effect.catch((error) => Console.log(error._tag)),
  Effect.scoped,
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
