/**
 * A model that lies in the folder of the run that made it: the run's ledger has the SHA-256 of its files, and none is
 * loaded that is not as it was written. A model that was copied out has nobody to speak for it, and is taken as it is.
 */
import { Clock, Effect, FileSystem, Option, Path, Schema, Stream } from "effect"
import { createHash } from "node:crypto"
import { there } from "../runtime/there.ts"
import { warn } from "../runtime/Warning.ts"
import * as Json from "./Json.ts"
import { fromPlatform, WeightsError } from "./WeightsError.ts"
import type { Digest } from "./Written.ts"

/** The ledger, within the run's folder. It has more fields than are read here. */
const ledgerFile = "checkpoints/ledger.json"
const Ledger = Schema.Struct({
  written: Schema.Record(Schema.String, Schema.Struct({ bytes: Schema.Int, sha256: Schema.String }))
})

/** Most bytes of a ledger. */
const largest = 64 * 2 ** 20

/** Not read by who loads a model: whoever adds to the model card has broken nothing. */
const unread = "README.md"

/** A reading that takes longer is told. */
const longMillis = 2000

const copyOut = "A copy of the folder elsewhere is taken as it is"

/** The file as it should be, by the file's name in the model's folder. */
type Files = ReadonlyMap<string, Digest>

/** What a ledger says, which must be what its own SHA-256 says. */
const written = (file: string, text: string) => {
  const damaged = () =>
    new WeightsError({
      path: file,
      reason: "is damaged: it says what the model beside it should be, and cannot be trusted",
      hint: `Bring it back from a copy. ${copyOut}.`
    })
  return Effect.try({
    try: () => {
      const { check, ...content } = Schema.decodeUnknownSync(Schema.Record(Schema.String, Schema.Unknown))(
        Json.parse(text)
      )
      const sum = createHash("sha256").update(JSON.stringify(content)).digest("hex")
      return sum === check ? Schema.decodeUnknownSync(Ledger)(content).written : undefined
    },
    catch: damaged
  }).pipe(Effect.filterOrFail((written) => written !== undefined, damaged))
}

/** What the ledger beside a model says of its files; none where no run made the folder. */
export const filesOf = Effect.fnUntraced(function*(model: string) {
  const fs = yield* FileSystem.FileSystem
  const { basename, dirname, join } = yield* Path.Path
  const place = yield* Effect.option(fs.realPath(model))
  if (Option.isNone(place)) return Option.none<Files>()
  const [run, name] = [dirname(place.value), basename(place.value)]
  const file = join(run, ledgerFile)
  const failed = Effect.mapError(fromPlatform(file, "reading"))
  if (!(yield* there(file))) {
    if (yield* there(join(run, "run.json"))) {
      yield* warn(`${model} is taken as it is: the run it lies in has no ${ledgerFile}, which would tell damage`)
    }
    return Option.none<Files>()
  }
  if ((yield* failed(fs.stat(file))).size > BigInt(largest)) {
    return yield* new WeightsError({ path: file, reason: `is larger than ${largest} bytes: no run writes so much` })
  }
  const all = yield* written(file, yield* failed(fs.readFileString(file)))
  const own = Object.entries(all).flatMap(([path, digest]): ReadonlyArray<[string, Digest]> =>
    path.startsWith(`${name}/`) ? [[path.slice(name.length + 1), digest]] : []
  )
  return own.length === 0 ? Option.none<Files>() : Option.some<Files>(new Map(own))
})

/** Length and SHA-256 of a file, read in pieces. */
export const digestOf = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  const began = yield* Clock.currentTimeMillis
  const hash = createHash("sha256")
  let bytes = 0
  yield* fs.stream(file, { chunkSize: 1 << 20 }).pipe(
    Stream.runForEach((chunk) =>
      Effect.sync(() => {
        hash.update(chunk)
        bytes += chunk.byteLength
      })
    ),
    Effect.mapError(fromPlatform(file, "reading"))
  )
  const millis = (yield* Clock.currentTimeMillis) - began
  if (millis > longMillis) yield* Effect.logInfo(`${file}: its SHA-256 took ${(millis / 1000).toFixed(1)} s`)
  const digest: Digest = { bytes, sha256: hash.digest("hex") }
  return digest
})

const say = ({ bytes, sha256 }: Digest) => `${bytes} bytes with SHA-256 ${sha256.slice(0, 16)}…`

/** Which files are looked at: all but weights, which is soon done, or weights. */
export type Part = "texts" | "weights"

/**
 * Fails where a file of a model is not what the run that it lies in wrote down.
 *
 * @param parts weights are read whole for it
 */
export const verify = (
  model: string,
  parts: ReadonlyArray<Part> = ["texts", "weights"]
): Effect.Effect<void, WeightsError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { join } = yield* Path.Path
    const files = yield* filesOf(model)
    if (Option.isNone(files)) return
    for (const [name, expected] of files.value) {
      if (name === unread || !parts.includes(name.endsWith(".safetensors") ? "weights" : "texts")) continue
      const path = join(model, name)
      const failed = (reason: string, found: string) =>
        new WeightsError({
          path,
          reason,
          found,
          expected: say(expected),
          hint: "Bring it back from a copy, or let the run write it again: its command with --resume, or " +
            `Rise.run({ resume: true }). ${copyOut}.`
        })
      const size = yield* Effect.option(fs.stat(path))
      if (Option.isNone(size)) return yield* failed("is missing, though its run wrote it", "no such file")
      const bytes = Number(size.value.size)
      if (bytes !== expected.bytes) return yield* failed("is damaged: its run wrote another", `${bytes} bytes`)
      const found = yield* digestOf(path)
      if (found.sha256 !== expected.sha256) {
        return yield* failed("is damaged: its run wrote another", say(found))
      }
    }
  })

/** Files that make answers what they are. */
const telling = /\.(safetensors|json|jinja|txt)$/

/**
 * SHA-256 of the files of a model that make its answers what they are, by name: as its run's ledger says, which whoever
 * loads the model verifies, else read.
 */
export const contents = Effect.fnUntraced(function*(model: string) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const recorded = Option.getOrElse(yield* filesOf(model), (): Files => new Map())
  const names = yield* Effect.orElseSucceed(fs.readDirectory(model), (): Array<string> => [])
  const entries = yield* Effect.forEach(names.filter((name) => telling.test(name)).toSorted(), (name) => {
    const known = recorded.get(name)
    return Effect.map(
      known === undefined ? digestOf(join(model, name)) : Effect.succeed(known),
      ({ sha256 }) => [name, sha256] as const
    )
  })
  return Object.fromEntries(entries)
})
