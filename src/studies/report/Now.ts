/**
 * What a run that is under way is doing, beside its report: `now.json` for other processes, `now.js` for the page.
 */
import { Clock, Effect, FileSystem, Option, Path, Schema, Stream } from "effect"
import * as Atomic from "../../dsl/Atomic.ts"
import { metricsFile } from "../../dsl/Run.ts"
import * as RunLock from "../../dsl/RunLock.ts"
import { there } from "../../kernels/runtime/there.ts"
import { json, lines } from "../artefacts.ts"
import * as Side from "./Side.ts"

/** What a run is doing. */
export const Now = Schema.Struct({
  /** Its stage; "" before the first. */
  stage: Schema.String,
  step: Schema.Finite,
  total: Schema.Finite,
  unit: Schema.String,
  /** The stage's number among those of the run, and how many there are. */
  at: Schema.optionalKey(Schema.Int),
  of: Schema.optionalKey(Schema.Int),
  /** For the whole run. */
  secondsLeft: Schema.optionalKey(Schema.Finite)
})
export type Now = typeof Now.Type

const file = "now.json"

/** Writes both. `pages`: how often the page was written, so that it knows when to load itself again. */
export const write = Effect.fnUntraced(function*(directory: string, now: Now, pages: number, own: boolean) {
  const path = yield* Path.Path
  const time = yield* Clock.currentTimeMillis
  yield* Side.make(directory)
  if (own) yield* Atomic.writeJson(path.join(directory, Side.folder, file), now)
  yield* Side.write(directory, "now", { ...now, time, pages })
})

/** Takes both away. */
export const remove = Effect.fnUntraced(function*(directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const name of [file, "now.js"]) {
    yield* Effect.ignore(fs.remove(path.join(directory, Side.folder, name), { force: true }))
  }
})

/** Whether a run says by itself what it is doing. */
export const isTold = Effect.fnUntraced(function*(directory: string) {
  const path = yield* Path.Path
  return yield* there(path.join(directory, Side.folder, file))
})

const MetricRow = Schema.Struct({
  method: Schema.optional(Schema.String),
  stage: Schema.String,
  step: Schema.Finite,
  of: Schema.Finite
})

/** What a folder says of its run: none where nobody holds it. A script's run is known by its last figures. */
export const read = Effect.fnUntraced(function*(directory: string) {
  const path = yield* Path.Path
  if (!(yield* RunLock.isHeld(directory))) return Option.none<Now>()
  const said = yield* Effect.orElseSucceed(json(path.join(directory, Side.folder, file), Now), () => Option.none<Now>())
  if (Option.isSome(said)) return said
  const last = yield* Stream.runLast(lines(path.join(directory, metricsFile), MetricRow)).pipe(
    Effect.orElseSucceed(() => Option.none<typeof MetricRow.Type>())
  )
  return Option.some(Option.match(last, {
    onNone: (): Now => ({ stage: "", step: 0, total: 0, unit: "" }),
    onSome: ({ method, of, stage, step }): Now => ({
      stage: method === undefined ? stage : `${method}/${stage}`,
      step,
      total: of,
      unit: "steps"
    })
  }))
})
