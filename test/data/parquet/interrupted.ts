/** Reads a Parquet file as a program does that a user may interrupt: `node interrupted.ts FILE`. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, Schema, Stream } from "effect"
import { Parquet } from "../../../src/data/index.ts"
import { runMain } from "../../../src/dsl/Main.ts"

const [file = ""] = process.argv.slice(2)

Console.log("reading").pipe(
  Effect.andThen(Stream.runDrain(Parquet.read([file], { annotation: Schema.Unknown }))),
  Effect.matchEffect({ onFailure: ({ message }) => Console.log(message), onSuccess: () => Console.log("done") }),
  Effect.provide(NodeServices.layer),
  runMain
)
