/**
 * `--resume` needs the folder alone: the options that its run was begun with are in its run.json.
 */
import { Effect, Option, Path, Schema } from "effect"
import * as TextFile from "../dsl/TextFile.ts"
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

const Recorded = Json.text(
  Schema.Struct({ about: Schema.Struct({ command: Schema.Array(Schema.String) }) })
)

/** The command line that the run in a folder was begun with, where that can be read. */
const recorded = Effect.fnUntraced(function*(out: string) {
  const { join } = yield* Path.Path
  return yield* TextFile.read(join(out, "run.json")).pipe(
    Effect.flatMap(Schema.decodeEffect(Recorded)),
    Effect.map(({ about }) => about.command),
    // Whoever opens the folder says what is wrong with it.
    Effect.option
  )
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

/**
 * The command line of a run that is to be resumed: the options that it was begun with, and over them those that are
 * given. The words themselves where nothing is resumed, or by another command.
 */
export const resumed = Effect.fnUntraced(function*(words: ReadonlyArray<string>) {
  const parts = partsOf(words)
  const out = parts.find(({ flag }) => flag === "--out")
  if (out === undefined || !parts.some(({ flag }) => flag === "--resume")) return words
  const found = yield* recorded(valueOf(out))
  if (Option.isNone(found)) return words
  const command = found.value
  if (commandOf(command).join(" ") !== commandOf(words).join(" ")) return words
  const given = new Set(parts.map(({ flag }) => flag))
  const before = partsOf(command).filter(({ flag }) => flag !== "" && !given.has(flag))
  return [...words, ...before.flatMap(({ words }) => words)]
})
