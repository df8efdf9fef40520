/**
 * The report of a run that is under way: there from its first minute, written again when a stage ends and every minute.
 */
import { Clock, Effect, Option, Queue, Scope, Semaphore } from "effect"
import { Progress, type View } from "../../dsl/Progress.ts"
import * as Whole from "../../dsl/progress/Whole.ts"
import { Run } from "../../dsl/Run.ts"
import { warn } from "../../kernels/runtime/Warning.ts"
import { Written } from "../../kernels/weights/index.ts"
import * as Now from "./Now.ts"
import { report } from "./report.ts"

/** The page is written so often, and what the run is doing so often beside it; stages may end faster. */
const [pageEvery, nowEvery, leastApart] = ["1 minute", "5 seconds", "2 seconds"] as const

/** Watches what a run tells of itself. */
const watching = (view: View, ended: Effect.Effect<unknown>) => {
  const whole = Whole.make()
  const under = new Map<string, { step: number; readonly total: number; readonly unit: string }>()
  let done: readonly [string, { readonly step: number; readonly total: number; readonly unit: string }] | undefined
  const share = ({ step, total }: { readonly step: number; readonly total: number }) =>
    total > 0 ? Math.min(1, step / total) : 0
  const seen: View = {
    report: (event) =>
      Effect.flatMap(Clock.currentTimeMillis, (time) => {
        if (event._tag === "Planned") whole.planned(event.stages, time)
        if (event._tag === "Started") {
          const one = { step: event.done ?? 0, total: event.total, unit: event.unit }
          under.set(event.stage, one)
          whole.started(event.stage, share(one))
        }
        if (event._tag === "Step") {
          const one = under.get(event.stage)
          if (one !== undefined) one.step = event.step
        }
        if (event._tag === "Finished") {
          const one = under.get(event.stage)
          if (one !== undefined) done = [event.stage, { ...one, step: one.total }]
          under.delete(event.stage)
          whole.finished(event.stage)
          return Effect.andThen(ended, view.report(event))
        }
        return view.report(event)
      })
  }
  const now = Effect.map(Clock.currentTimeMillis, (time): Now.Now => {
    // Between two stages the one before is what is known.
    const last = [...under].at(-1) ?? done
    if (last === undefined) return { stage: "", step: 0, total: 0, unit: "" }
    const [stage, one] = last
    const place = whole.place(stage, share(one), time)
    return {
      stage,
      ...one,
      ...(place && { at: place.at, of: place.of }),
      ...(place?.left !== undefined && { secondsLeft: Math.round(place.left) })
    }
  })
  return { view: seen, now }
}

/**
 * Keeps the report of a folder's run until the scope ends; returns the view that has to be told what the run does. A
 * report that cannot be written is told once, and ends nothing.
 */
const keeping = Effect.fnUntraced(function*(directory: string) {
  const stages = yield* Queue.sliding<"ended">(1)
  const { now, view } = watching(yield* Progress, Queue.offer(stages, "ended"))
  let told = false
  // The ledger knows only the report of the end: this one has no bytes to be held to.
  const quietly = <B, E extends { readonly message: string }, R>(effect: Effect.Effect<B, E, R>) =>
    effect.pipe(
      Effect.provideService(Written.Written, undefined),
      Effect.catch((error) => {
        if (told) return Effect.void
        told = true
        return warn(`the report of the run under way was not written: ${error.message}`)
      })
    )
  let pages = 0
  const doing = quietly(Effect.flatMap(now, (now) => Now.write(directory, now, pages, true)))
  const page = quietly(Effect.gen(function*() {
    yield* report(directory, { now: Option.some(yield* now), browse: false })
    pages++
    yield* doing
  }))
  yield* Effect.addFinalizer(() => Now.remove(directory))
  yield* doing
  yield* page
  // A page tidies up what it takes for halves of an earlier one.
  const one = yield* Semaphore.make(1)
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(nowEvery), one.withPermit(doing))))
  const next = Effect.timeoutOption(Queue.take(stages), pageEvery)
  yield* Effect.forkScoped(
    Effect.forever(next.pipe(Effect.andThen(one.withPermit(page)), Effect.andThen(Effect.sleep(leastApart))))
  )
  return view
})

/** Runs an effect of a run with its report beside it. Of a run that is finished already nothing is under way. */
export const live = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const run = yield* Run
    if (Option.isNone(run.directory) || run.sealed) return yield* effect
    const directory = run.directory.value
    return yield* Effect.acquireUseRelease(
      Scope.make(),
      // The effect's own scope is not this one.
      (scope) =>
        Effect.flatMap(
          Scope.provide(keeping(directory), scope),
          (view) => Effect.provideService(effect, Progress, view)
        ),
      (scope, exit) => Scope.close(scope, exit)
    )
  })
