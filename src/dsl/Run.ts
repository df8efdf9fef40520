/**
 * The run that stages belong to: its seed, its metrics, its spools, and which stages it has finished already.
 *
 * A stage asks the run to do its work once. A finished stage is not done again, neither when a stream is pulled a
 * second time nor when an interrupted run is resumed: its weights are restored, its value is read back.
 */
import { Clock, Context, Effect, FileSystem, Layer, Option, Path, Schema, type Scope, Stream } from "effect"
import { warn } from "../kernels/runtime/Warning.ts"
import { Written } from "../kernels/weights/index.ts"
import { Policy, type PolicyError } from "../policy/Policy.ts"
import * as MidStage from "./MidStage.ts"
import { type RunError, RunFileError } from "./RunError.ts"
import * as RunFolder from "./RunFolder.ts"
import type { Spool } from "./Spool.ts"
import { memory, type Storage } from "./Storage.ts"
import { figures, stageSpan } from "./telemetry/Exporting.ts"
import * as Trainer from "./Trainer.ts"
import { peakMebibytes, Tokens } from "./Usage.ts"

/** Figures of one optimiser step or of one finished pass: a line of `metrics.jsonl`. Never wall-clock time. */
export interface Figures {
  /** Name of the stage, such as "sft". */
  readonly stage: string
  /** The step that the figures are of, counted from 1; of a pass, the samples it has done. */
  readonly step: number
  /** Steps, or samples, in all. */
  readonly of: number
  readonly [figure: string]: Schema.Json
}

/** Name of the file of a method's D_RISE; RISE's is cot.jsonl. */
export const cotFile = (method: string): string =>
  method === "" || method === "RISE" ? "cot.jsonl" : `cot-${method}.jsonl`
/** Name of the file of all chains that D_RISE was chosen from. */
export const chainsFile = (method: string): string => cotFile(method).replace(/^cot/, "chains")
/** Name of the file of figures. */
export const metricsFile = "metrics.jsonl"
/**
 * Seconds per finished stage, the tokens it generated or trained on, and the most memory that the process had held by
 * then: apart from everything that must repeat byte for byte.
 */
export const timingsFile = "timings.jsonl"

/** A run. */
export interface Shape {
  /** Every random draw of the run is keyed by it. */
  readonly seed: number
  /** Where its files are; none for a run in memory. */
  readonly directory: Option.Option<string>
  /** The method under way, such as "RISE": prefixes the names of its stages. Empty for what methods share. */
  readonly method: string
  /** The full name of a stage, as ledger, progress and errors have it: "RISE/sft". */
  readonly named: (stage: string) => string
  /** Trains at most once: afterwards the policy holds the weights that the stage ended with. */
  readonly trained: <E, R>(
    stage: string,
    train: Effect.Effect<void, E, R>
  ) => Effect.Effect<void, E | RunError | PolicyError, R | Policy>
  /**
   * Computes a value at most once. The value goes through `codec` even when it is fresh: a resumed run sees the same.
   */
  readonly once: <A, E, R>(
    stage: string,
    codec: Schema.Codec<A, Schema.Json>,
    effect: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | RunError, R>
  /** What a stage keeps of its work: read back when it is begun again, gone when it is finished. */
  readonly spool: (stage: string) => Effect.Effect<Spool, RunError, Scope.Scope>
  /** How a stage that begins now is kept on its way. */
  readonly midStage: (stage: string) => Effect.Effect<MidStage.Shape>
  /** Whether a stage is finished, by the name it has in the ledger. */
  readonly finished: (stage: string) => boolean
  /**
   * Appends a line to `metrics.jsonl`. A number that JSON has not (NaN, one without an end) is written as its name in
   * quotation marks, which is no point of any curve, and told of once for each figure of a stage.
   */
  readonly metric: (figures: Figures) => Effect.Effect<void, RunError>
  /** Appends a row to an NDJSON file of the run's folder. */
  readonly append: (file: string, row: Schema.Json) => Effect.Effect<void, RunError>
  /** The rows of an NDJSON file so far; none where there is no such file. */
  readonly rows: (file: string) => Stream.Stream<Schema.Json, RunError>
  /** Takes note of what a folder of the run's holds, such as `model`: looked at when the run is resumed. */
  readonly note: (folder: string) => Effect.Effect<void, RunError>
  /** Whether something that was made before, such as `model`, was found damaged or missing. */
  readonly damaged: (name: string) => boolean
  /** Whether the run had ended when it was opened, and all of it is as it was then. */
  readonly sealed: boolean
  /** Records that nothing is left to do. */
  readonly seal: Effect.Effect<void, RunError>
  /** The same run with another method's stage names. */
  readonly within: (method: string) => Shape
}

/** The full name of a method's stage. */
export const named = (method: string) => (stage: string): string => method === "" ? stage : `${method}/${stage}`

const make = (storage: Storage, seed: number) => {
  const numberless = new Set<string>()
  /** A line as JSON holds it. */
  const written = Effect.fnUntraced(function*(stage: string, line: Figures) {
    const lost = Object.entries(line).filter(([, value]) => typeof value === "number" && !Number.isFinite(value))
    for (const [name, value] of lost) {
      const key = `${stage}: ${name}`
      if (numberless.has(key)) continue
      numberless.add(key)
      yield* warn(
        `${key} is ${String(value)} at step ${line.step}, which is no number: ${metricsFile} has it in quotation ` +
          "marks, and no curve shows it; look at what computes it"
      )
    }
    return lost.length === 0
      ? line
      : { ...line, ...Object.fromEntries(lost.map(([name, value]) => [name, String(value)])) }
  })
  // Which policies hold the weights of which stage: one method's policy knows nothing of another's.
  const live = new WeakMap<object, Set<string>>()

  const within = (method: string): Shape => {
    const name = named(method)
    const finish = Effect.fnUntraced(function*(stage: string, started: number, value: Schema.Json, trained: boolean) {
      const seconds = Math.round((yield* Clock.currentTimeMillis) - started) / 1000
      const tokens = (yield* Tokens)(stage)
      const used = { ...(tokens > 0 && { tokens }), mebibytes: peakMebibytes() }
      yield* storage.append(timingsFile, { stage, seconds, ...used })
      yield* storage.commit({ stage, value, trained })
    })
    return {
      seed,
      directory: storage.directory,
      method,
      named: name,
      trained: Effect.fnUntraced(function*(stage, train) {
        const key = name(stage)
        const policy = yield* Policy
        const held = live.get(policy) ?? new Set()
        live.set(policy, held)
        if (held.has(key)) return
        const entry = storage.finished(key)
        if (Option.isSome(entry)) {
          yield* Trainer.changes(policy)
          yield* storage.bringBack(key, policy)
        } else {
          const started = yield* Clock.currentTimeMillis
          yield* stageSpan(key)(train)
          yield* storage.keep(key, policy)
          yield* finish(key, started, null, true)
        }
        held.add(key)
      }),
      once: Effect.fnUntraced(function*(stage, codec, effect) {
        const key = name(stage)
        const entry = storage.finished(key)
        if (Option.isNone(entry)) {
          const started = yield* Clock.currentTimeMillis
          const value = yield* Schema.encodeEffect(codec)(yield* stageSpan(key)(effect)).pipe(
            Effect.mapError((cause) => new RunFileError({ path: key, reason: "its value could not be stored", cause }))
          )
          yield* finish(key, started, value, false)
        }
        const stored = Option.match(storage.finished(key), { onNone: () => null, onSome: ({ value }) => value })
        return yield* Schema.decodeEffect(codec)(stored).pipe(
          Effect.mapError((cause) => new RunFileError({ path: key, reason: "its stored value is damaged", cause }))
        )
      }),
      spool: (stage) => storage.spool(name(stage)),
      midStage: (stage) => MidStage.make(storage, name(stage)),
      finished: (stage) => Option.isSome(storage.finished(stage)),
      metric: (line) =>
        Effect.flatMap(written(name(line.stage), line), (line) =>
          Effect.andThen(
            storage.append(metricsFile, method === "" ? line : { method, ...line }),
            figures(name(line.stage), line)
          )),
      append: storage.append,
      rows: storage.rows,
      note: storage.note,
      damaged: storage.damaged,
      sealed: storage.sealed,
      seal: storage.seal,
      within
    }
  }
  return within("")
}

/** The service of the current run, and the layers that make one. */
export class Run extends Context.Service<Run, Shape>()("rise/Run") {
  /** Keeps nothing on disk. */
  static readonly layerMemory = (options: { readonly seed: number }): Layer.Layer<Run> =>
    Layer.effect(Run, Effect.map(memory, (storage) => make(storage, options.seed)))

  /** A run folder. What is written into it is told to its ledger (`Written`). */
  static readonly layer = (
    options: RunFolder.FolderOptions & { readonly seed: number }
  ): Layer.Layer<Run, RunError, FileSystem.FileSystem | Path.Path> =>
    Layer.effectContext(
      Effect.map(
        RunFolder.open({ ...options, identity: { ...options.identity, seed: options.seed } }),
        (storage) => Context.make(Run, make(storage, options.seed)).pipe(Context.add(Written.Written, storage.listener))
      )
    )
}

/** Runs `effect` as part of one method: its stages are named `method/stage`, its metrics carry the method. */
export const method = (name: string) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Run> =>
  Effect.flatMap(Run, (run) => Effect.provideService(effect, Run, run.within(name)))
