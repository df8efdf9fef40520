/**
 * `--resume` needs the folder alone: the options that its run was begun with are in its run.json.
 */
import { Console, Effect, Option, Path, Schema } from "effect"
import * as TextFile from "../dsl/TextFile.ts"
import { there } from "../kernels/runtime/there.ts"
import * as Json from "../kernels/weights/Json.ts"
import { shownAddress } from "../policy/http/Address.ts"
import { again, commandOf, type Part, partsOf } from "./commandLine.ts"

/** What is said of a run anew each time: where it is, that it goes on, and how much is told. */
const ofThisTime = ["--out", "--resume", "--json", "--quiet", "--log-level", "--print-config"]

const valueOf = ({ words: [first = "", value] }: Pick<Part, "words">): string =>
  value ?? first.slice(first.indexOf("=") + 1)

/** An address with a password or a key in it is nobody's to keep. */
const isSecret = (part: Part) =>
  ["--engine", "--reference", "--remote", "--sampler"].includes(part.flag) &&
  shownAddress(valueOf(part)) !== valueOf(part)

/** What run.json keeps of a command line: the command, and its options as they were given. */
export const kept = (words: ReadonlyArray<string>): { readonly command: ReadonlyArray<string> } => ({
  command: [
    ...commandOf(words),
    ...partsOf(words)
      .filter((part) => part.flag !== "" && !ofThisTime.includes(part.flag) && !isSecret(part))
      .flatMap(({ words }) => words)
  ]
})

/** What run.json keeps of the folder that a run is begun in: the way there from the run's own. */
export const begunIn = (out: string): Effect.Effect<{ readonly begunIn: string }, never, Path.Path> =>
  Effect.map(Path.Path, ({ relative, resolve }) => ({ begunIn: relative(resolve(out), resolve(".")) || "." }))

const Recorded = Json.text(
  Schema.Struct({
    about: Schema.Struct({ command: Schema.Array(Schema.String), begunIn: Schema.optionalKey(Schema.String) })
  })
)
const Identified = Json.text(Schema.Struct({ identity: Schema.Struct({ task: Schema.String }) }))

const reading = Effect.fnUntraced(function*<A>(out: string, schema: Schema.Codec<A, string>) {
  const { join } = yield* Path.Path
  return yield* TextFile.read(join(out, "run.json")).pipe(
    Effect.flatMap(Schema.decodeEffect(schema)),
    // Whoever opens the folder says what is wrong with it.
    Effect.option
  )
})

/** How the run in a folder was begun, where that can be read. */
const begun = (out: string) => Effect.map(reading(out, Recorded), Option.map(({ about }) => about))

/** The command line of the run in a folder. */
const recorded = (out: string) => Effect.map(begun(out), Option.map(({ command }) => command))

/** What the task of the run in a folder is called; none where there is no run to be read. */
export const taskNameIn = (out: Option.Option<string>) =>
  Option.match(out, {
    onNone: () => Effect.succeedNone,
    onSome: (out) => Effect.map(reading(out, Identified), Option.map(({ identity }) => identity.task))
  })

/**
 * The command line that goes on with the run in a folder, as the folder is then: with the options that the run was not
 * begun with, which `--resume` does not find there. Without those of this time alone, and without secrets.
 */
export const goingOn = (words: ReadonlyArray<string>, out: string) =>
  Effect.map(recorded(out), (found) => {
    const before = partsOf(Option.getOrElse(found, () => []))
    const changed = partsOf(kept(words).command).filter((part) =>
      part.flag !== "" && !before.some(({ flag, ...other }) => flag === part.flag && valueOf(other) === valueOf(part))
    ).flatMap(({ words }) => words)
    return again(words, out, changed)
  })

/** Flags whose paths may change, as what lies there is compared; and what is asked for where nothing does. */
const placed: Readonly<Record<string, string>> = {
  "--data": "name the pictures as they are called now, --data PATH",
  "--config": "name the file as it is called now, --config FILE"
}

/** Flags whose paths have to be written as before. */
const asWritten = ["--model", "--adapter", "--base", "--tokenizer"]

/** A path that was named from the folder that the run was begun in, as it is named from this one. */
const fromHere = Effect.fnUntraced(function*(part: Part, out: string, way: string | undefined) {
  const path = yield* Path.Path
  const { flag } = part
  const value = valueOf(part)
  const next = placed[flag]
  if (next === undefined && !asWritten.includes(flag) || path.isAbsolute(value)) return part
  const before = way === undefined ? undefined : path.resolve(out, way)
  if (before === path.resolve(".")) return part
  const place = before === undefined ? undefined : path.join(before, value)
  const isPlaced = place !== undefined && (yield* there(place))
  if (next !== undefined && isPlaced) {
    // Started in the folder of the data, the way there is empty.
    return { flag, words: [flag, path.relative(path.resolve("."), place) || "."] }
  }
  if ((yield* there(value)) || (next === undefined && !isPlaced)) return part
  yield* Console.error(
    `${flag} ${value} is what ${path.join(out, "run.json")} says, from the folder that the run was begun in${
      before === undefined ? "" : ` (${before})`
    }: ${next ?? "go on from there"}`
  )
  return part
})

/**
 * The command line of a run that is to be resumed: the options that it was begun with, and over them those that are
 * given. The words themselves where nothing is resumed, or by another command.
 */
export const resumed = Effect.fnUntraced(function*(words: ReadonlyArray<string>) {
  const parts = partsOf(words)
  const out = parts.find(({ flag }) => flag === "--out")
  if (out === undefined || !parts.some(({ flag }) => flag === "--resume")) return words
  const found = yield* begun(valueOf(out))
  if (Option.isNone(found)) return words
  const { command } = found.value
  if (commandOf(command).join(" ") !== commandOf(words).join(" ")) return words
  const given = new Set(parts.map(({ flag }) => flag))
  const before = partsOf(command).filter(({ flag }) => flag !== "" && !given.has(flag))
  const placed = yield* Effect.forEach(before, (part) => fromHere(part, valueOf(out), found.value.begunIn))
  return [...words, ...placed.flatMap(({ words }) => words)]
})
