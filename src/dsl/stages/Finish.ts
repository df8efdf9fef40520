/**
 * The end of a pipeline: `train` does the work within a run that is given, `run` makes the run folder around it.
 */
import { Effect, FileSystem, Option, Path, Stream } from "effect"
import { possible } from "../../kernels/runtime/makeFolder.ts"
import { warn } from "../../kernels/runtime/Warning.ts"
import * as Beside from "../../policy/Beside.ts"
import { Policy, type PolicyError } from "../../policy/Policy.ts"
import * as WeightsStay from "../../policy/WeightsStay.ts"
import type { DataError } from "../DataError.ts"
import * as Earlier from "../Earlier.ts"
import { keepingError } from "../Ended.ts"
import * as Fingerprint from "../Fingerprint.ts"
import * as ModelCard from "../ModelCard.ts"
import * as Plain from "../Plain.ts"
import * as Progress from "../Progress.ts"
import * as Provided from "../Provided.ts"
import { Run } from "../Run.ts"
import { fromPlatform, type RunError, toScript } from "../RunError.ts"
import type { Identity } from "../RunFolder.ts"
import { recorded } from "../RunRecord.ts"
import { Checkpoints } from "../Storage.ts"
import type { Form, Task, TaskError } from "../Task.ts"
import * as TaskFile from "../TaskFile.ts"
import type { TruthError } from "../Truth.ts"
import * as Able from "./Able.ts"
import * as Afterwards from "./Afterwards.ts"
import { ahead } from "./Ahead.ts"
import { described } from "./described.ts"
import * as Onward from "./Onward.ts"
import * as Order from "./Order.ts"
import type { Pipeline, Runnable } from "./Pipeline.ts"
import * as Settings from "./Settings.ts"
import type { BadSetting, Misplaced } from "./StageError.ts"

/**
 * Does everything the pipeline describes, once. Afterwards the policy holds its weights. What the policy cannot do is
 * refused before the first step.
 */
export const train = <A, E, R>(
  self: Pipeline<Runnable, A, E, R>
): Effect.Effect<void, E | BadSetting | Misplaced | Provided.NotProvided, R | Policy | Run> =>
  Order.behind("run", self).sound.pipe(
    Effect.andThen(Provided.policy("Rise.train")),
    Effect.andThen(Provided.run("Rise.train")),
    Effect.andThen(Able.check(self.task, self.described)),
    Effect.andThen(Effect.suspend(() => self.ready)),
    Effect.andThen(taught(self.task, self.form))
  )

/** An adapter that is saved alone has the task beside it, too. */
const taught = <A>(task: Task<A>, form: Form): Effect.Effect<void, never, Policy> =>
  Effect.flatMap(Policy, (policy) => Beside.put(policy, { [TaskFile.name]: TaskFile.text(task, form) }))

/** File of a state's address at an engine: beside weights that the engine gives by now it would say otherwise. */
const address = "engine.json"

/**
 * Saves the policy. Where its weights stay at a server, what is saved is its state's address there: a run that has
 * learned is not lost for that, and trying again would end the same.
 */
const saved = Effect.fnUntraced(function*(target: string) {
  const policy = yield* Policy
  yield* policy.save(target).pipe(
    Effect.catchIf((error) => WeightsStay.of(error) !== undefined, (error) =>
      Effect.andThen(
        policy.checkpoint(target),
        warn(
          `${error.reason}. ${target} holds its state's address, and no weights: take them from the engine's own ` +
            "folder of checkpoints, or ask them there, in a script whose policy (the same) has restored that folder"
        )
      ))
  )
})

/**
 * Saves the policy as the run's `model`, if the run is on disk, with what the task says of itself beside it
 * (`rise-task.json`, read by `Sources.taskOf`) and a model card (`README.md`). What an earlier attempt left there is
 * replaced: a run that was cut off after saving holds the same weights and must not stumble over them. Files there that
 * are no part of the model stay. Of a run that had ended, and is whole, nothing is written again. Of an engine that
 * gives no weights away `model` holds the address of its state.
 * A policy that cannot be trained has nothing to save.
 *
 * @param form what the policy was taught to write: `annotate` and `evaluate` ask for it. Default "think"
 */
export const saveModel = <A>(
  task: Task<A>,
  form: Form = "think"
): Effect.Effect<
  void,
  PolicyError | RunError | Provided.NotProvided,
  Policy | Run | FileSystem.FileSystem | Path.Path
> =>
  Effect.gen(function*() {
    const { unable = {} } = yield* Provided.policy("Rise.saveModel")
    yield* taught(task, form)
    const { directory, method, note, sealed } = yield* Provided.run("Rise.saveModel")
    if (Option.isNone(directory) || sealed || unable.training !== undefined) return
    const { path } = yield* Provided.files("Rise.saveModel")
    const target = path.join(directory.value, "model")
    const bringBack = yield* Earlier.setAside(target, [address])
    yield* saved(target)
    yield* TaskFile.write(target, task, form)
    yield* ModelCard.write(task, form, { method })
    yield* note("model")
    yield* bringBack
  })

/** Tells the view which stages there will be, for their number and the time left. */
const announce = <A, E, R>({ data, plan, validation }: Pipeline<Runnable, A, E, R>) =>
  Effect.gen(function*() {
    const { named } = yield* Run
    const sizes = { data: yield* Stream.runCount(data), validation: yield* Stream.runCount(validation) }
    yield* Progress.report(Progress.Event.Planned({ stages: ahead(plan, sizes, named) }))
  })

/** When a run keeps an unfinished stage on its way, so that a kill costs minutes instead of the stage. */
export interface CheckpointOptions {
  /**
   * After so many steps (of a pass: batches) or minutes, whichever comes first; 0 switches that one off. Default: 100
   * steps, 5 minutes.
   */
  readonly every?: { readonly steps?: number; readonly minutes?: number }
  /** How many of a stage's are on the disk at a time; they go when the stage ends. Default 2. */
  readonly keep?: number
  /**
   * The part of the time that they may take, in (0, 1]: a large model's are written less often than `every` says.
   * Default 0.02.
   */
  readonly share?: number
}

/** Runs that `effect` opens keep their stages as the options say, with defaults for what they leave out. */
export const keeping = ({ every = {}, ...rest }: CheckpointOptions) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Checkpoints, (defaults) =>
    Effect.provideService(effect, Checkpoints, {
      ...defaults,
      ...Settings.given(rest),
      every: { ...defaults.every, ...Settings.given(every) }
    }))

/** Options of `run`: the run folder, and what is recorded in it. */
export interface RunOptions {
  /** The run folder; it must not exist unless the run is resumed. */
  readonly out: string
  /** Every random draw is keyed by it. Default 0. */
  readonly seed?: number
  /** Continue after the last finished stage of the run that `out` holds. Default false. */
  readonly resume?: boolean
  /**
   * The folder of an earlier run of this program, to train on from the weights that it has left in the policy: run.json
   * records it. Left out, a policy that a run has trained is refused.
   */
  readonly after?: string
  /** When unfinished stages are kept on their way. What a run makes does not depend on it. */
  readonly checkpoint?: CheckpointOptions
  /**
   * Whether it is only tried that all goes through, as with the preset `smoke`: answers may then be cut off, where
   * otherwise a `maxTokens` that no answer fits into is refused. Default false.
   */
  readonly tried?: boolean
  /** Settings to record in run.json; a run resumes only under the same. */
  readonly config?: Identity
}

/** Whether a run is there to go on with; a folder that is not there, or is empty, is begun. */
const isBegun = Effect.fnUntraced(function*({ out, resume }: RunOptions) {
  if (resume !== true) return false
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  return yield* fs.exists(path.join(out, "run.json")).pipe(Effect.mapError(fromPlatform(out, "reading")))
})

/**
 * Runs a pipeline in a folder of its own: run.json, metrics.jsonl, cot.jsonl, checkpoints/, model/, and
 * quarantine.jsonl with the samples that were set aside. At its end, or where it is interrupted, `Progress` is told
 * where the model is and what comes next; `rise report` makes a page of the folder.
 *
 * ```ts
 * pipeline.pipe(Rise.run({ out: "runs/faces", seed: 1 }), Effect.provide(policy))
 * ```
 */
export const run = (given: RunOptions) =>
<A, E, R>(
  self: Pipeline<Runnable, A, E, R>
): Effect.Effect<
  void,
  E | BadSetting | DataError | Misplaced | Provided.NotProvided | RunError | PolicyError | TaskError | TruthError,
  Exclude<R, Run> | Policy | FileSystem.FileSystem | Path.Path
> => {
  // A script may leave them out altogether, whatever the types say: `out` is then missed as it is where it is left out.
  const options: RunOptions = { ...given }
  const seed = options.seed ?? 0
  // The data may need nothing of the run, but its type says that it might: give it one in memory.
  const fingerprint = Effect.suspend(() =>
    Fingerprint.data(self.task, Stream.concat(self.data, self.validation)).pipe(
      Effect.provide(Run.layerMemory({ seed }))
    )
  )
  const recordable = Effect.suspend(() => {
    const broken = Plain.broken(options.config ?? {}, "config")
    return broken === undefined ? Effect.void : Settings.refuse("run", broken)
  })
  const identity = Effect.gen(function*() {
    const data = yield* fingerprint
    const { identity: engine } = yield* Policy
    return {
      task: self.task.name,
      engine,
      // Before the data: a setting that changes which of it is read is named, not what it does to the fingerprint.
      stages: described(self.described),
      config: options.config ?? {},
      ...(options.after !== undefined && { after: options.after }),
      prompts: yield* Fingerprint.prompts(self.task),
      data
    }
  })
  const recording = Effect.all([
    announce(self),
    self.ready,
    saveModel(self.task, self.form)
  ], { discard: true }).pipe(
    keepingError,
    Onward.within(options.out),
    recorded({
      out: options.out,
      seed,
      resume: options.resume ?? false,
      identity
    }),
    keeping(options.checkpoint ?? {})
  )
  const begins = Effect.flatMap(isBegun(options), (begun) =>
    Progress.report(Progress.Event.Began({
      text: `"${self.task.name}" ${begun ? "goes on in" : "begins in"} ${options.out}, seed ${seed}`
    })))
  return Settings.check("run", Settings.running, options).pipe(
    Effect.andThen(recordable),
    Effect.andThen(Order.behind("run", self).sound),
    Effect.andThen(Provided.policy("Rise.run")),
    Effect.andThen(Provided.files("Rise.run")),
    Effect.andThen(Able.check(self.task, self.described, { tried: options.tried ?? false })),
    Effect.andThen(Onward.check(self.described, options)),
    Effect.andThen(
      Effect.suspend(() => Effect.mapError(possible(options.out), fromPlatform(options.out, "making the run folder")))
    ),
    Effect.andThen(begins),
    Effect.andThen(recording),
    Effect.andThen(Effect.flatMap(
      Policy,
      ({ unable = {} }) =>
        unable.training === undefined
          ? Afterwards.finished(options.out, self.task)
          : Afterwards.chainsAlone(options.out)
    )),
    Effect.onInterrupt(() => Afterwards.interrupted(options)),
    Effect.mapError(toScript)
  )
}
