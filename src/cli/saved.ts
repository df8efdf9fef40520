/**
 * The task that a model was trained for, where its directory says so: what commands ask for if flags say nothing else.
 */
import { Console, Effect, type FileSystem, Option, type Path } from "effect"
import { meant } from "../data/layouts/Hinted.ts"
import * as Quoted from "../data/Quoted.ts"
import * as TaskFile from "../dsl/TaskFile.ts"
import { warn } from "../kernels/runtime/Warning.ts"
import * as Sources from "../sources/index.ts"
import { isEmbedded } from "./embedded.ts"
import { type Engine, localOf } from "./engine/flags.ts"
import type { Remote } from "./flags.ts"
import { FlagError } from "./futile.ts"
import * as Policy from "./policy.ts"
import type { Told } from "./told.ts"

/** The model that is asked. */
interface Asked extends Partial<Pick<Remote, "remote" | "remoteModel">>, Engine {
  readonly model: string
  /** Its directory says what the two were trained for: the base was not. */
  readonly adapter?: Option.Option<string>
  /** What the server says of its model, where one is asked. */
  readonly told?: Option.Option<Told>
}

/** What the model is called, where people read it. */
export const modelOf = ({ remote = Option.none(), remoteModel = "", ...asked }: Asked): string =>
  Policy.named({ ...asked, remote, remoteModel })

/** The task that a model, or the adapter on it, names. An engine's has a directory here, too. */
export const taskOf = (asked: Asked) => {
  const { adapter = Option.none(), model } = localOf(asked)
  return Option.match(adapter, {
    onNone: () => Sources.taskOf(model),
    onSome: (adapter) =>
      Effect.flatMap(
        Sources.taskOf(adapter),
        (found) => Option.isSome(found) ? Effect.succeed(found) : Sources.taskOf(model)
      )
  })
}

/** What flags say of a task: "--labels", "a,b". */
export type Said = Readonly<Record<string, Option.Option<string>>>

const words = (said: Said): ReadonlyArray<string> =>
  Object.entries(said).flatMap(([flag, value]) => Option.isSome(value) ? [`${flag} ${value.value}`] : [])

/** The labels of a saved task; none where its boxes have no names. */
export const labelsOf = (saved: Sources.SavedTask): ReadonlyArray<string> =>
  saved.kind === "classification" ? saved.task.labels : saved.task.codec.labels ?? []

/** Labels that are named before the rest is counted. */
const shown = 12

/** `weather (sun, rain, snow)`. */
export const named = (saved: Sources.SavedTask): string => {
  const labels = labelsOf(saved)
  const more = labels.length > shown ? `, and ${labels.length - shown} more` : ""
  const listed = labels.length === 0 ? "boxes" : `${labels.slice(0, shown).join(", ")}${more}`
  return `${saved.task.name} (${listed})`
}

/** The task that a server says its model was trained for. */
export const toldOf = ({ told = Option.none() }: Asked): Option.Option<Sources.SavedTask> =>
  Option.map(told, ({ saved }) => saved)

/**
 * The task that the model's directory, or its server, names. Where flags say another, a file that cannot be used is
 * only told.
 */
export const find = (
  asked: Asked,
  said: Said
): Effect.Effect<
  Option.Option<Sources.SavedTask>,
  Sources.TaskFileError | Sources.TaskInCode,
  FileSystem.FileSystem | Path.Path
> => {
  if (Option.isSome(asked.remote ?? Option.none())) return Effect.succeed(toldOf(asked))
  const found = taskOf(asked)
  return words(said).length === 0
    ? found
    : Effect.catch(found, (error) => Effect.as(warn(error.message), Option.none()))
}

/** Whether the model's directory, or its server, says that it was trained here, by whatever it says. */
export const isTrained = (asked: Asked) =>
  Option.isSome(asked.remote ?? Option.none()) ?
    Effect.succeed(Option.isSome(toldOf(asked))) :
    Effect.match(taskOf(asked), {
      onFailure: () => true,
      onSuccess: Option.isSome
    })

/** Says which task was found, and which flags go before it. */
export const tell = (asked: Asked, saved: Sources.SavedTask, before: Said = {}): Effect.Effect<void> => {
  const flags = words(before)
  return Console.error(
    `task of ${modelOf(asked)}: ${named(saved)}${saved.form === "answer" ? ", answered without a reasoning" : ""}${
      flags.length === 0 ? "" : `; asked otherwise, by ${flags.join(", ")}`
    }`
  )
}

/**
 * Says what is taken for granted of a model, or an adapter, that does not say what it was trained for. An embedded
 * checkpoint by itself is known.
 */
export const tellTaken = (asked: Asked, taken: string): Effect.Effect<void> => {
  const { adapter = Option.none(), model } = localOf(asked)
  const remote = Option.isSome(asked.remote ?? Option.none())
  if (!remote && Option.isNone(adapter) && isEmbedded({ model })) return Effect.void
  const who = remote
    ? "a server's model does not say"
    : `${Option.getOrElse(adapter, () => model)} does not say (it has no ${TaskFile.name})`
  return Console.error(`${who} what it was trained for: ${taken}; --labels, or --task, ask otherwise`)
}

/** Whether labels that are asked for are those of a saved task, in the same order. */
export const isOf = (saved: Sources.SavedTask, labels: ReadonlyArray<string>): boolean => {
  const own = labelsOf(saved)
  return own.length === labels.length && own.every((label, i) => label === labels[i])
}

/** What is to be said where other labels are asked for than a model was trained on. */
interface Doubt {
  /** `; did you mean "square" by "sqare"?`; empty where no name is near one of the model's. */
  readonly meant: string
  readonly said: string
}

const doubt = (asked: Asked, saved: Sources.SavedTask, labels: ReadonlyArray<string>): Option.Option<Doubt> => {
  const own = labelsOf(saved)
  if (own.length === 0 || isOf(saved, labels)) return Option.none()
  const missing = labels.filter((label) => !own.includes(label))
  const trained = `${modelOf(asked)} was trained on ${Quoted.names(own)}`
  const left = own.filter((label) => !labels.includes(label))
  const said = missing.length > 0
    ? `, not on ${Quoted.names(missing)}`
    : left.length > 0
    ? `, and --labels leaves out ${Quoted.names(left)}`
    : ", and --labels has them in another order"
  return Option.some({ said: `${trained}${said}`, meant: meant(missing, left) })
}

/**
 * Warns of labels that are not those of the model: another question than it was trained on. Fails at a name that is
 * near one of the model's, unless `--task` says that another question is meant.
 *
 * @param instead what to do for labels of the model's own
 */
export const checkLabels = (
  asked: Asked,
  saved: Sources.SavedTask,
  labels: ReadonlyArray<string>,
  { instead, refuse }: { readonly instead: string; readonly refuse: boolean }
): Effect.Effect<void, FlagError> =>
  Option.match(doubt(asked, saved, labels), {
    onNone: () => Effect.void,
    onSome: ({ meant, said }) =>
      refuse && meant !== ""
        ? Effect.fail(
          new FlagError({
            reason: `${said}${meant} Without --labels it is asked what it was trained for; --task soft-labels beside ` +
              "them asks for these all the same"
          })
        )
        : warn(
          `${said}${meant === "" ? ":" : `${meant} As it is,`} that is another question than the one it was trained ` +
            `on, and its answers may be worth nothing; ${instead}`
        )
  })
