/**
 * A run on disk: `run.json`, line files, `checkpoints/` with the ledger, one checkpoint per trained stage, and
 * what unfinished stages keep.
 */
import { Effect, FileSystem, Option, Path, Schema, Scope, Stream } from "effect"
import type { Policy } from "../policy/Policy.ts"
import * as Atomic from "./Atomic.ts"
import { over, type Past } from "./Inherited.ts"
import { fromPlatform, RunFileError, RunFolderExists, RunFolderMismatch } from "./RunError.ts"
import * as RunLock from "./RunLock.ts"
import * as Spool from "./Spool.ts"
import { Entry, type Storage } from "./Storage.ts"

/** What must not change between a run and its resumption. */
export type Identity = Readonly<Record<string, Schema.Json>>

export interface FolderOptions {
  readonly path: string
  readonly identity: Identity
  /** Recorded in run.json, free to differ when a run is resumed: versions, the machine. */
  readonly about?: Identity
  /** Continue the run that the folder holds; a folder that is not there is started. */
  readonly resume?: boolean
  /**
   * Folders of earlier runs whose finished stages count as finished here, the nearest first (see `Inherited`). What
   * their identities say, this one's must say too.
   */
  readonly from?: ReadonlyArray<string>
}

const Description = Schema.fromJsonString(Schema.Struct({ identity: Schema.Record(Schema.String, Schema.Json) }))
const Ledger = Schema.fromJsonString(Schema.Array(Entry))

const isRecord = (value: Schema.Json): value is { readonly [key: string]: Schema.Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The first field in which two descriptions differ, as a dotted path. */
export const difference = (
  stored: Schema.Json,
  given: Schema.Json,
  at = ""
): Option.Option<{ field: string; stored: string; given: string }> => {
  if (isRecord(stored) && isRecord(given)) {
    for (const key of new Set([...Object.keys(stored), ...Object.keys(given)])) {
      // "constructor" is a key like any other.
      const of = (record: typeof stored) => Object.hasOwn(record, key) ? record[key] ?? null : null
      const found = difference(of(stored), of(given), at === "" ? key : `${at}.${key}`)
      if (Option.isSome(found)) return found
    }
    return Option.none()
  }
  const [a, b] = [JSON.stringify(stored), JSON.stringify(given)]
  return a === b ? Option.none() : Option.some({ field: at, stored: a, given: b })
}

const decodeFile = <A>(path: string, text: string, decode: (text: string) => Effect.Effect<A, Schema.SchemaError>) =>
  decode(text).pipe(
    Effect.mapError((cause) => new RunFileError({ path, reason: "is not what this version writes", cause }))
  )

/** The part of `given` that `stored` speaks of, at every depth. */
const spokenOf = (stored: Schema.Json, given: Schema.Json): Schema.Json =>
  isRecord(stored) && isRecord(given)
    ? Object.fromEntries(Object.entries(stored).map(([key, value]) => [key, spokenOf(value, given[key] ?? null)]))
    : given

/** Reads run.json and the ledger of a folder that is to be resumed, or (`whole` false) to begin another run from. */
const reopen = Effect.fnUntraced(function*(directory: string, identity: Identity, whole: boolean) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const read = (file: string) => fs.readFileString(file).pipe(Effect.mapError(fromPlatform(file, "reading")))
  const runFile = path.join(directory, "run.json")
  const stored = yield* decodeFile(runFile, yield* read(runFile), Schema.decodeEffect(Description))
  const changed = difference(stored.identity, whole ? identity : spokenOf(stored.identity, identity))
  if (Option.isSome(changed)) return yield* new RunFolderMismatch({ path: directory, ...changed.value })
  const ledgerFile = path.join(directory, "checkpoints", "ledger.json")
  const exists = yield* fs.exists(ledgerFile).pipe(Effect.mapError(fromPlatform(ledgerFile, "reading")))
  return exists ? yield* decodeFile(ledgerFile, yield* read(ledgerFile), Schema.decodeEffect(Ledger)) : []
})

/** Cuts every line file back to where it was when the last finished stage ended. */
const rewind = Effect.fnUntraced(function*(directory: string, entries: ReadonlyArray<Entry>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const sizes = entries.at(-1)?.files ?? {}
  for (const name of yield* fs.readDirectory(directory)) {
    if (!name.endsWith(".jsonl")) continue
    const file = path.join(directory, name)
    const size = sizes[name]
    if (size === undefined) {
      yield* fs.remove(file)
      continue
    }
    if (Number((yield* fs.stat(file)).size) < size) {
      return yield* new RunFileError({
        path: file,
        reason: `is shorter than the ${size} bytes of its last finished stage`
      })
    }
    yield* fs.truncate(file, size)
  }
})

/** How the finished stages of a folder are read, by whoever holds its ledger. */
const reading = Effect.fnUntraced(function*(directory: string, entries: ReadonlyArray<Entry>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const checkpoint = (stage: string) => path.join(directory, "checkpoints", stage)
  return {
    checkpoint,
    finished: (stage: string) => Option.fromNullishOr(entries.find((entry) => entry.stage === stage)),
    /** `bytes`: only so much of the file. */
    lines: (name: string, bytes?: number) => {
      const file = path.join(directory, name)
      return fs.stream(file, bytes === undefined ? {} : { bytesToRead: bytes }).pipe(
        Stream.decodeText(),
        Stream.splitLines,
        Stream.mapError(fromPlatform(file, "reading")),
        Stream.filter((line) => line !== ""),
        Stream.mapEffect((line) => decodeFile(file, line, Schema.decodeEffect(Schema.fromJsonString(Schema.Json))))
      )
    },
    bringBack: (stage: string, policy: Policy["Service"]) => policy.restore(checkpoint(stage))
  }
})

/** An earlier run, as far as it had finished; what it began to write after that is not seen. */
const past = Effect.fnUntraced(function*(directory: string, identity: Identity) {
  const entries = yield* reopen(directory, identity, false)
  const { bringBack, finished, lines } = yield* reading(directory, entries)
  const sizes = entries.at(-1)?.files ?? {}
  return {
    finished,
    holds: (file) => sizes[file] !== undefined,
    rows: (file) => lines(file, sizes[file] ?? 0),
    bringBack
  } satisfies Past
})

/** Creates or reopens a run folder; it is held, and its files are open, until the scope ends. */
export const open = Effect.fn("rise.run.open")(function*(options: FolderOptions) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const scope = yield* Effect.scope
  const directory = options.path
  const platform = fromPlatform(directory, "opening the run folder")

  const exists = yield* Effect.mapError(fs.exists(directory), platform)
  if (exists && (yield* Effect.mapError(fs.stat(directory), platform)).type !== "Directory") {
    return yield* new RunFileError({ path: directory, reason: "is a file, expected a folder: name another one" })
  }
  const content = exists ? yield* Effect.mapError(fs.readDirectory(directory), platform) : []
  if (content.length > 0 && !content.some((name) => name === "run.json" || name === RunLock.lockFile)) {
    return yield* new RunFolderExists({ path: directory, resumable: false })
  }
  yield* fs.makeDirectory(directory, { recursive: true }).pipe(Effect.mapError(platform))
  // Before anything in it is read: what another run has begun to write must not be cut off.
  yield* RunLock.hold(directory)
  const known = yield* fs.exists(path.join(directory, "run.json")).pipe(Effect.mapError(platform))
  if (known && options.resume !== true) return yield* new RunFolderExists({ path: directory, resumable: true })
  const entries: Array<Entry> = known ? [...yield* reopen(directory, options.identity, true)] : []
  if (known) {
    yield* rewind(directory, entries).pipe(
      Effect.mapError((error) => error instanceof RunFileError ? error : platform(error))
    )
  } else {
    yield* Atomic.writeJson(path.join(directory, "run.json"), {
      identity: options.identity,
      about: options.about ?? {}
    })
  }
  yield* fs.makeDirectory(path.join(directory, "checkpoints"), { recursive: true }).pipe(Effect.mapError(platform))

  const handles = new Map<string, { readonly file: FileSystem.File; bytes: number }>()
  const sizes = new Map<string, number>(Object.entries(entries.at(-1)?.files ?? {}))
  const handle = Effect.fnUntraced(function*(name: string) {
    const open = handles.get(name)
    if (open !== undefined) return open
    const file = yield* Scope.provide(fs.open(path.join(directory, name), { flag: "a" }), scope)
    const opened = { file, bytes: sizes.get(name) ?? 0 }
    handles.set(name, opened)
    return opened
  })
  const { bringBack, checkpoint, finished, lines } = yield* reading(directory, entries)
  const withFileSystem = Effect.provideService(FileSystem.FileSystem, fs)
  // Beside the line files, which are cut back to the last finished stage.
  const spoolFile = (stage: string) =>
    path.join(directory, "checkpoints", `${encodeURIComponent(stage)}${Spool.extension}`)

  const own: Storage = {
    directory: Option.some(directory),
    finished,
    holds: (name) => handles.has(name) || sizes.has(name),
    commit: (entry) =>
      Effect.gen(function*() {
        for (const [name, { bytes, file }] of handles) {
          yield* file.sync.pipe(Effect.mapError(fromPlatform(name, "writing")))
          sizes.set(name, bytes)
        }
        entries.push({ ...entry, files: Object.fromEntries([...sizes].sort(([a], [b]) => a < b ? -1 : 1)) })
        yield* Atomic.writeJson(path.join(directory, "checkpoints", "ledger.json"), entries)
        const spool = spoolFile(entry.stage)
        yield* fs.remove(spool, { force: true }).pipe(Effect.mapError(fromPlatform(spool, "removing")))
      }).pipe(withFileSystem, Effect.uninterruptible),
    append: (name, row) =>
      Effect.gen(function*() {
        const target = yield* handle(name)
        const bytes = new TextEncoder().encode(`${JSON.stringify(row)}\n`)
        yield* target.file.writeAll(bytes)
        target.bytes += bytes.length
      }).pipe(Effect.mapError(fromPlatform(path.join(directory, name), "writing")), Effect.uninterruptible),
    rows: (name) => lines(name),
    spool: (stage) => withFileSystem(Spool.open(spoolFile(stage))),
    keep: (stage, policy) => policy.checkpoint(checkpoint(stage)),
    bringBack
  }
  return over(own, yield* Effect.forEach(options.from ?? [], (directory) => past(directory, options.identity)))
})
