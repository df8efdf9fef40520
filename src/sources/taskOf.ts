/**
 * What a saved model was trained for.
 */
import { Effect, FileSystem, Option, Path, Schema } from "effect"
import * as TaskFile from "../dsl/TaskFile.ts"
import * as SystemFault from "../kernels/runtime/SystemFault.ts"
import { show } from "../kernels/text/show.ts"
import { GitLfs, Json } from "../kernels/weights/index.ts"
import { directoryOf } from "../policy/Embedded.ts"
import * as Saved from "../tasks/Saved.ts"

export type { SavedClassification, SavedDetection, SavedTask } from "../tasks/Saved.ts"

/** The description of a task that cannot be used. */
export class TaskFileError extends Schema.TaggedError<TaskFileError>()("TaskFileError", {
  /** The file, `rise-task.json` of a model's directory. */
  path: Schema.String,
  /** What is wrong with it, and what was expected. */
  reason: Schema.String
}) {
  override get message() {
    return `${this.path}: ${this.reason}. It says what the model was trained for: train again, or remove the file ` +
      "and say it yourself (--labels)"
  }
}

/** The model was trained for a task that only its script has. */
export class TaskInCode extends Schema.TaggedError<TaskInCode>()("TaskInCode", {
  /** The model's directory. */
  model: Schema.String,
  /** The task's name. */
  task: Schema.String
}) {
  override get message() {
    return `${this.model} was trained for the task ${show(this.task, 80)}, which is written in code: ask it from a ` +
      "script that has the task (Rise.annotate, Rise.evaluate: docs/write-a-task.md)"
  }
}

const InCode = Schema.Struct({ version: Schema.Literal(1), kind: Schema.Literal(TaskFile.inCode), name: Schema.String })
const decodeInCode = Schema.decodeUnknownOption(InCode)

/** Largest file that is read, in bytes. */
const most = 16 * 2 ** 20

/**
 * The task that the model in a directory was trained for, with its labels and its prompts as they were: what
 * `Rise.saveModel` wrote beside the weights. None where nothing was written: of models from elsewhere.
 *
 * ```ts
 * const saved = yield* Sources.taskOf("runs/mine/model")
 * if (Option.isSome(saved) && saved.value.kind === "classification") console.log(saved.value.task.labels)
 * ```
 *
 * Fails where the file is damaged, not one of this release, or describes no task; with `TaskInCode` where the task
 * cannot be written down, such as one of `Task.make`.
 */
export const taskOf = (
  directory: string
): Effect.Effect<Option.Option<Saved.SavedTask>, TaskFileError | TaskInCode, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = (yield* Path.Path).join(directoryOf(directory), TaskFile.name)
    // A file from elsewhere is quoted on terminals.
    const fail = (reason: string) => new TaskFileError({ path, reason: reason.replaceAll(/\p{Cc}/gu, "·") })
    const found = yield* fs.stat(path).pipe(
      Effect.map(Option.some),
      Effect.catchIf(({ reason }) => reason._tag === "NotFound", () => Effect.succeed(Option.none())),
      Effect.mapError((error) => fail(`cannot be read: ${SystemFault.words(error)}`))
    )
    if (Option.isNone(found)) return Option.none()
    const { size, type } = found.value
    if (type !== "File") return yield* fail(`a ${type.toLowerCase()}, expected a file`)
    if (size > most) return yield* fail(`${size} bytes, expected at most ${most}`)
    const bytes = yield* Effect.mapError(
      fs.readFile(path),
      (error) => fail(`cannot be read: ${SystemFault.words(error)}`)
    )
    const pointer = GitLfs.describe(bytes)
    if (pointer !== undefined) return yield* fail(pointer)
    const json = yield* Effect.try({
      try: () => Json.parseUnrepeated(new TextDecoder("utf-8", { fatal: true }).decode(bytes)),
      catch: (cause) => fail(Json.fault(cause))
    })
    const inCode = decodeInCode(json)
    if (Option.isSome(inCode)) return yield* new TaskInCode({ model: directory, task: inCode.value.name })
    return Option.some(yield* Effect.mapError(Effect.fromResult(Saved.read(json)), fail))
  })
