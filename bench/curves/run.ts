/**
 * What a step costs as one thing grows: candidates, prompts, pictures, workers, data.
 *
 *     node bench/curves/run.ts [--out docs/curves.svg] [--quick]
 *
 * Every point is a process of its own, so that its memory is its own. Draws the curves, and prints them as one JSON
 * object. `--quick` takes the first two points of each, to see that everything runs, and draws nothing unless --out
 * says where.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, FileSystem, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { BenchError } from "../harness/Contest.ts"
import { machine } from "../harness/Machine.ts"
import { axes } from "./axes.ts"
import { draw, type Point } from "./draw.ts"

const Printed = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Finite))

/** Runs the process of a point. */
const measured = (at: number, [script = "", ...args]: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const program = fileURLToPath(new URL(script, import.meta.url))
    const { stdout } = yield* Effect.tryPromise({
      try: () => promisify(execFile)(process.execPath, [program, ...args]),
      catch: (cause) => new BenchError(`${script} ${args.join(" ")}: ${String(cause)}`, { cause })
    })
    const { gib, heapGib, ...rates } = yield* Schema.decodeUnknownEffect(Printed)(stdout)
    if (gib === undefined) return yield* Effect.fail(new BenchError(`${script} did not print its memory: ${stdout}`))
    const point: Point = { at, rates, gib, ...(heapGib !== undefined && { heapGib }) }
    return point
  })

const command = Command.make(
  "curves",
  {
    out: Flag.String("out").pipe(Flag.withDescription("Where the curves are drawn"), Flag.optional),
    quick: Flag.Boolean("quick").pipe(Flag.withDescription("Two points of each"), Flag.withDefault(false))
  },
  Effect.fn(function*({ out, quick }) {
    const fs = yield* FileSystem.FileSystem
    const curves = yield* Effect.forEach(
      axes(quick),
      Effect.fnUntraced(function*({ points, ...axis }) {
        return { ...axis, points: yield* Effect.forEach(points, ({ args, at }) => measured(at, args)) }
      })
    )
    const path = Option.getOrElse(
      out,
      () => quick ? undefined : fileURLToPath(new URL("../../docs/curves.svg", import.meta.url))
    )
    if (path !== undefined) yield* fs.writeFileString(path, draw(curves))
    yield* Console.log(JSON.stringify({ curves, machine: machine() }))
  })
)

command.pipe(Command.run({ version: "0.1.0" }), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
