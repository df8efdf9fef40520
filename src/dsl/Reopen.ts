/**
 * What a run folder says of its run: run.json and the ledger, read before anything is done with either.
 */
import { Effect, FileSystem, Option, Path, Schema } from "effect"
import { warn } from "../kernels/runtime/Warning.ts"
import * as Json from "../kernels/weights/Json.ts"
import * as Digest from "./Digest.ts"
import * as Fingerprint from "./Fingerprint.ts"
import * as Halves from "./Halves.ts"
import * as Ledger from "./Ledger.ts"
import { fromPlatform, isHash, RunFileError, RunFolderMismatch } from "./RunError.ts"
import * as RunLock from "./RunLock.ts"
import { effective } from "./stages/futileIn.ts"
import * as TextFile from "./TextFile.ts"

/** What must not change between a run and its resumption. */
export type Identity = Readonly<Record<string, Schema.Json>>

// Of any depth: a text that comes from elsewhere is held to bounds before it is decoded.
const Description = Json.text(Schema.Struct({ identity: Schema.Record(Schema.String, Schema.Json) }))

const isRecord = (value: Schema.Json): value is { readonly [key: string]: Schema.Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** A field in which two descriptions differ, as a dotted path, with what either says. */
interface Difference {
  readonly field: string
  readonly stored: string
  readonly given: string
}

const differences = (stored: Schema.Json, given: Schema.Json, at: string): ReadonlyArray<Difference> => {
  if (isRecord(stored) && isRecord(given)) {
    // "constructor" is a key like any other.
    const of = (record: typeof stored, key: string) => Object.hasOwn(record, key) ? record[key] ?? null : null
    return [...new Set([...Object.keys(stored), ...Object.keys(given)])].flatMap((key) =>
      differences(of(stored, key), of(given, key), at === "" ? key : `${at}.${key}`)
    )
  }
  const [a, b] = [JSON.stringify(stored), JSON.stringify(given)]
  return a === b ? [] : [{ field: at, stored: a, given: b }]
}

/** The first field in which two descriptions differ: one that says something to people before a hash. */
export const difference = (stored: Schema.Json, given: Schema.Json): Option.Option<Difference> => {
  const all = differences(stored, given, "")
  return Option.fromUndefinedOr(all.find((one) => !isHash(one.stored) && !isHash(one.given)) ?? all[0])
}

/** The part of `given` that `stored` speaks of, at every depth. */
const spokenOf = (stored: Schema.Json, given: Schema.Json): Schema.Json =>
  isRecord(stored) && isRecord(given)
    ? Object.fromEntries(Object.entries(stored).map(([key, value]) => [key, spokenOf(value, given[key] ?? null)]))
    : given

/** Whether data are described with a hash of their pictures' bytes. */
const hasBytes = (data: Schema.Json): boolean =>
  isRecord(data) && ("pictures" in data || Object.values(data).some(hasBytes))

/** Whether both speak of the same samples, and of the bytes of their pictures, which are compared by a hash. */
const sameSamples = (stored: Schema.Json, given: Schema.Json): boolean => {
  if (!isRecord(stored) || !isRecord(given)) return false
  const [before, now] = [stored["data"] ?? null, given["data"] ?? null]
  return hasBytes(before) && differences(before, now, "").every(({ field }) => /(^|\.)pictures$/.test(field))
}

/** `given` with the place of the data that `stored` names: the same pictures may lie elsewhere by now. */
const sourceOf = (stored: Schema.Json, given: Schema.Json): Schema.Json => {
  if (!isRecord(stored) || !isRecord(given)) return given
  const [before, now] = [stored["config"] ?? null, given["config"] ?? null]
  return isRecord(before) && isRecord(now) && "source" in before && "source" in now
    ? { ...given, config: { ...now, source: before["source"] ?? null } }
    : given
}

const elsewhere = "Bring it back from a copy, or choose another folder"

/**
 * The ledger of a folder that is to be resumed, or (`whole` false) to begin another run from. None where the run was
 * killed before it had one.
 */
export const reopen = Effect.fnUntraced(function*(directory: string, identity: Identity, whole: boolean) {
  const path = yield* Path.Path
  const runFile = path.join(directory, "run.json")
  const ledgerFile = path.join(directory, Ledger.fileName)
  const text = yield* TextFile.read(runFile)
  const kept = yield* TextFile.readIfThere(ledgerFile)
  const ledger = yield* Option.match(kept, {
    onNone: () => Effect.succeedNone,
    onSome: (text) => Effect.asSome(Ledger.decode(ledgerFile, text))
  })
  const stored = yield* Schema.decodeEffect(Description)(text).pipe(
    Effect.mapError((cause) =>
      new RunFileError({ path: runFile, reason: `is damaged, or not what this version writes. ${elsewhere}`, cause })
    )
  )
  const earlier = Fingerprint.asEarlier(stored.identity, identity)
  const given = Option.getOrElse(earlier, (): Schema.Json => identity)
  // Earlier versions wrote settings that did nothing.
  const [before, now] = [effective(stored.identity), effective(given)]
  const placed = sameSamples(before, now) ? sourceOf(before, now) : now
  const changed = difference(before, whole ? placed : spokenOf(before, placed))
  const found = Digest.ofText(text)
  if (Option.isSome(ledger) && !Digest.same(ledger.value.run, found)) {
    return yield* new RunFileError({
      path: runFile,
      reason: `is damaged: it has ${Digest.say(found)}, expected ${Digest.say(ledger.value.run)}. ${elsewhere}`
    })
  }
  if (Option.isSome(changed)) return yield* new RunFolderMismatch({ path: directory, ...changed.value })
  if (Option.isSome(earlier)) {
    yield* warn(
      `${runFile} is of an earlier version, which kept no hashes of pictures: whether one has changed since cannot ` +
        "be told"
    )
  }
  return ledger
})

/** What a run that was killed before it had begun may have left. */
const early = (name: string) =>
  name === "run.json" || name.startsWith(RunLock.lockFile) || Halves.isHalf(name) || name === "checkpoints"

/**
 * Fails where a folder holds what a run has made, and not the file that tells of it: beginning anew would lose it.
 *
 * @param missing the file, within the folder
 */
export const unbegun = Effect.fnUntraced(function*(directory: string, missing: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = yield* Effect.mapError(fs.readDirectory(directory), fromPlatform(directory, "reading"))
  const below = yield* Digest.filesBelow(path.join(directory, "checkpoints"))
  const left = [
    ...names.filter((name) => !early(name)),
    ...below.filter((name) => !Halves.isHalf(name)).map((name) => `checkpoints/${name}`)
  ]
  if (left.length === 0) return
  return yield* new RunFileError({
    path: path.join(directory, missing),
    reason: `is missing, and the folder holds what a run has made (${left.slice(0, 3).join(", ")}${
      left.length > 3 ? ", …" : ""
    }). ${elsewhere}`
  })
})
