/**
 * Rebuilds the embedded checkpoint: `npm run pretrain` scene-vl from random weights, `npm run pretrain -- --checkpoint
 * scene-vl-places` what the examples ask, from scene-vl.
 *
 * Stopping it loses at most a few minutes: the same command goes on from the last written state.
 */
import { Console, Effect, Option, Struct } from "effect"
import { Command, Flag } from "effect/cli"
import { readable, runMain } from "../src/cli/process.ts"
import * as Policy from "../src/policy/layers.ts"
import { evaluate } from "./pretrain/Evaluate.ts"
import * as Pretrain from "./pretrain/Pretrain.ts"

Command.make("pretrain", {
  checkpoint: Flag.Literals("checkpoint", Struct.keys(Pretrain.recipes)).pipe(
    Flag.withDescription("Which one to rebuild"),
    Flag.withDefault("scene-vl")
  ),
  out: Flag.String("out").pipe(
    Flag.withDescription("Folder of the run; default runs/pretrain-CHECKPOINT"),
    Flag.optional
  )
}, ({ checkpoint, out }) =>
  readable(Effect.gen(function*() {
    const model = yield* Pretrain.run({
      ...Pretrain.recipes[checkpoint],
      out: Option.getOrElse(out, () => `runs/pretrain-${checkpoint}`)
    })
    yield* Console.log(`The model is in ${model}. What it can do on scenes that it has not seen:`)
    const figures = yield* evaluate(300).pipe(Effect.provide(Policy.onnx({ model, seed: 0, trainable: "none" })))
    for (const [name, value] of Object.entries(figures)) {
      yield* Console.log(`${name.padEnd(22)}${Number(value.toFixed(3))}`)
    }
  }))).pipe(Command.withDescription("Rebuild an embedded checkpoint"), runMain)
