/**
 * The run folder of a study: that of a pipeline, told of two parts of the data, and with a report at its end.
 */
import { Effect, FileSystem, Option, type Stream } from "effect"
import { keepingError } from "../dsl/Ended.ts"
import * as Fingerprint from "../dsl/Fingerprint.ts"
import { Run } from "../dsl/Run.ts"
import { fromPlatform } from "../dsl/RunError.ts"
import type { Identity } from "../dsl/RunFolder.ts"
import { recorded } from "../dsl/RunRecord.ts"
import type { Sample, Task } from "../dsl/Task.ts"
import type { Measured } from "../evaluation/index.ts"
import { Written } from "../kernels/weights/index.ts"
import { data } from "./data.ts"
import { gallery } from "./gallery.ts"
import { live } from "./report/Live.ts"
import { report } from "./report/report.ts"

/** Options of `inFolder`: the run folder, and what it is made of. */
export interface FolderOptions<A, E, R> {
  /** Must not exist unless the run is resumed. */
  readonly out: string
  /** Every random draw is keyed by it. */
  readonly seed: number
  /** Continue after the last finished stage. Default false. */
  readonly resume?: boolean
  /** Folders of earlier runs whose finished stages count as finished here, the nearest first. */
  readonly from?: ReadonlyArray<string>
  /** Recorded by name and prompts. */
  readonly task: Task<A>
  /** Recorded by its fingerprint. */
  readonly train: Stream.Stream<Sample<A>, E, R>
  /** Recorded by its fingerprint. */
  readonly test: Stream.Stream<Sample<A>, E, R>
  /** Recorded in run.json; a run resumes only under the same. */
  readonly config: Identity
  /** Recorded in run.json, free to differ when a run is resumed: the command line. */
  readonly about?: Identity
  /** What a reader of the report has to know before the reasons: one sentence. */
  readonly caution?: string | undefined
  /** What the report is to say of how the run was set up, such as what a budget left of it: one sentence each. */
  readonly notes?: ReadonlyArray<string>
  /** What there is to say of how the data were read, such as what was left out of annotations: one line each. */
  readonly read?: ReadonlyArray<string> | undefined
  /** Whose answers are measured, where the run trains nothing. Default "trained": those of its methods. */
  readonly measured?: Measured
  /** Whether there is a report, from the run's first minute on. Default true. */
  readonly reported?: boolean
}

/** The page of a run that has not come to its end, in what time and room there is; its ledger does not know it. */
const lastPage = (out: string) =>
  Effect.flatMap(Run, ({ sealed }) =>
    sealed ? Effect.void : report(out, { now: Option.none(), browse: false }).pipe(
      Effect.provideService(Written.Written, undefined),
      Effect.ignore
    ))

/** Runs `effect` within a run folder that has a report while it runs, and the whole one at the end. */
export const inFolder = <A, E, R>(options: FolderOptions<A, E, R>) => <B, E2, R2>(effect: Effect.Effect<B, E2, R2>) => {
  const {
    about: more = {},
    caution,
    config,
    from = [],
    measured,
    notes = [],
    out,
    read = [],
    reported = true,
    resume = false
  } = options
  const { seed, task, test, train } = options
  const identity = Effect.gen(function*() {
    const prompts = yield* Fingerprint.prompts(task)
    const data = { train: yield* Fingerprint.data(task, train), test: yield* Fingerprint.data(task, test) }
    return { task: task.name, prompts, data, config }
  })
  const lowerIsBetter = (task.metrics ?? []).flatMap(({ direction, name }) => direction === "lower" ? [name] : [])
  const [first] = task.metrics ?? []
  const about = {
    ...more,
    lowerIsBetter,
    ...(task.described !== undefined && { task: task.described }),
    ...(first !== undefined && { metric: first.name }),
    ...(measured !== undefined && { measured }),
    ...(caution !== undefined && { caution }),
    ...(notes.length > 0 && { notes }),
    ...(read.length > 0 && { read })
  }
  const whole = Effect.gen(function*() {
    if (!reported) return yield* keepingError(effect)
    const done = yield* live(Effect.andThen(data({ task, train, test }), effect)).pipe(
      keepingError,
      // The page that is there says that the run is under way.
      Effect.onError(() => lastPage(out))
    )
    yield* gallery({ train, test })
    yield* report(out, { now: Option.none() })
    return done
  })
  return whole.pipe(recorded({ out, seed, resume, from, identity, about }))
}

/** `base`, or the first of `base-2`, `base-3`, … that is free; the last one that is not when a run is to be resumed. */
export const numbered = Effect.fnUntraced(function*(base: string, resume: boolean) {
  const fs = yield* FileSystem.FileSystem
  const name = (n: number) => n === 1 ? base : `${base}-${n}`
  const exists = (n: number) =>
    fs.exists(name(n)).pipe(
      Effect.mapError(fromPlatform(name(n), "looking for it"))
    )
  let free = 1
  while (yield* exists(free)) free++
  return name(resume ? Math.max(1, free - 1) : free)
})
