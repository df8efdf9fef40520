/**
 * Rebuilds the embedded checkpoint from random weights: `npm run pretrain`.
 *
 * Stopping it loses at most a few minutes: the same command goes on from the last written state.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import * as Pretrain from "../src/pipelines/pretrain/Pretrain.ts"

const command = Command.make("pretrain", {
  out: Flag.String("out").pipe(Flag.withDescription("Folder of the run"), Flag.withDefault("runs/pretrain")),
  batch: Flag.Int("batch").pipe(Flag.withDefault(Pretrain.defaults.batchSize)),
  seed: Flag.Int("seed").pipe(Flag.withDefault(Pretrain.defaults.seed))
}, ({ batch, out, seed }) =>
  Pretrain.run({ ...Pretrain.defaults, architecture: "assets/scene-vl", out, batchSize: batch, seed }).pipe(
    Effect.flatMap((model) => Console.log(`The model is in ${model}`))
  ))

command.pipe(Command.run({ version: "0.1.0" }), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
