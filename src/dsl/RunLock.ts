/**
 * One process at a time writes to a run folder: `run.lock` says which, and is there as long as it does.
 *
 * A process that was killed leaves its lock behind. It is recognised as stale where this machine can tell that its
 * process is gone: no process has that number, or the one that has it began at another time. Of another machine nothing
 * can be told: its lock is honoured, and the refusal says what to do.
 */
import { Clock, DateTime, Effect, FileSystem, Option, Path, type PlatformError, Schema, type Scope } from "effect"
import { randomUUID } from "node:crypto"
import { hostname } from "node:os"
import { fromPlatform, RunFileError, RunFolderInUse } from "./RunError.ts"

export const lockFile = "run.lock"

/** Who holds a folder. */
const Holder = Schema.Struct({
  pid: Schema.Int.check(Schema.isGreaterThan(0)),
  host: Schema.NonEmptyString,
  /** When the folder was taken, ISO 8601. */
  since: Schema.String,
  /**
   * When the process began, as the system counts it; null where it does not tell. Numbers of processes are used again.
   */
  began: Schema.NullOr(Schema.String),
  /** Tells two locks of one process apart. */
  token: Schema.String
})
type Holder = typeof Holder.Type

const HolderText = Schema.fromJsonString(Holder)

/** What the system tells of a process, where it has a /proc. */
interface Life {
  /** The boot and the clock tick in which it began. */
  readonly began: string
  /** Killed, but not yet collected by the process that started it. */
  readonly ended: boolean
}

const lifeOf = Effect.fnUntraced(function*(pid: number) {
  const fs = yield* FileSystem.FileSystem
  const boot = yield* fs.readFileString("/proc/sys/kernel/random/boot_id")
  const stat = yield* fs.readFileString(`/proc/${pid}/stat`)
  // The name, in parentheses, may hold anything. Behind it stand the state and, 19 fields on, the start.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const life: Life = { began: `${boot.trim()}/${fields[19]}`, ended: fields[0] === "Z" || fields[0] === "X" }
  return Option.some(life)
}, (effect) => Effect.orElseSucceed(effect, () => Option.none<Life>()))

/** Whether a process of that number runs here. One that may not be signalled does. */
const runs = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}

/** The locks that this process holds, by token: two runs of one process are two runs. */
const own = new Set<string>()

const isStale = Effect.fnUntraced(function*({ began, host, pid, token }: Holder) {
  if (host !== hostname()) return false
  if (pid === process.pid && own.has(token)) return false
  if (!runs(pid)) return true
  const life = yield* lifeOf(pid)
  if (Option.isSome(life) && life.value.ended) return true
  // Where no beginning is known, nothing tells this process from the one that wrote the lock, but for the process
  // itself.
  return Option.isNone(life) || began === null ? pid === process.pid : began !== life.value.began
})

const exists = (error: PlatformError.PlatformError) => error.reason._tag === "AlreadyExists"
const missing = (error: PlatformError.PlatformError) => error.reason._tag === "NotFound"

/**
 * Tries in a row, and how long between them: each is lost only to another process that takes the folder or clears it.
 */
const attempts = 40
const pauseMillis = 50
/** Clearing a stale lock takes milliseconds: who began longer ago has died over it. */
const clearingMillis = 10_000

/** Whether a run holds the folder, as far as this machine can tell. */
export const isHeld = (
  directory: string
): Effect.Effect<boolean, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const file = (yield* Path.Path).join(directory, lockFile)
    const holder = yield* Effect.flatMap(fs.readFileString(file), Schema.decodeEffect(HolderText))
    return !(yield* isStale(holder))
  }).pipe(Effect.orElseSucceed(() => false))

/**
 * Takes a folder, or a file by a lock of its own, until the scope ends. The folder must exist.
 *
 * Fails with `RunFolderInUse` where another run holds it.
 *
 * @param lock default: `run.lock` in the folder
 */
export const hold = Effect.fn("rise.run.lock")(function*(directory: string, lock?: string): Effect.fn.Return<
  void,
  RunFolderInUse | RunFileError,
  FileSystem.FileSystem | Path.Path | Scope.Scope
> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = lock ?? path.join(directory, lockFile)
  const failed = Effect.mapError(fromPlatform(file, "taking the run folder"))
  const since = DateTime.formatIso(yield* Effect.map(Clock.currentTimeMillis, DateTime.makeUnsafe))
  const began = Option.match(yield* lifeOf(process.pid), { onNone: () => null, onSome: (life) => life.began })
  const mine: Holder = { pid: process.pid, host: hostname(), since, began, token: randomUUID() }
  const text = JSON.stringify(mine)

  const read = fs.readFileString(file).pipe(
    Effect.map(Option.some),
    Effect.catchIf(missing, () => Effect.succeed(Option.none<string>())),
    failed
  )
  const holder = (found: string) =>
    Schema.decodeEffect(HolderText)(found).pipe(
      Effect.mapError((cause) =>
        new RunFileError({
          path: file,
          reason: "says that another run holds this folder, and not which one. If none is going on, delete the file",
          cause
        })
      )
    )
  /** Whether a file was made that was not there before. */
  const made = <R>(effect: Effect.Effect<void, PlatformError.PlatformError, R>) =>
    Effect.catchIf(Effect.as(effect, true), exists, () => Effect.succeed(false))

  const besides = `${file}.${encodeURIComponent(hostname())}.`
  /** Removes what processes of this machine wrote beside, and were killed before they could take it away. */
  const tidy = Effect.gen(function*() {
    const folder = path.dirname(file)
    for (const name of yield* fs.readDirectory(folder)) {
      const own = path.basename(besides)
      const pid = name.startsWith(own) ? Number(name.slice(own.length).split(".")[0]) : NaN
      if (Number.isInteger(pid) && pid > 0 && !runs(pid)) yield* fs.remove(path.join(folder, name), { force: true })
    }
  }).pipe(Effect.ignore)

  // Written beside and linked: nobody ever sees a lock that does not say whose it is.
  const create = Effect.acquireUseRelease(
    Effect.succeed(`${besides}${process.pid}.${mine.token}`),
    (beside) => Effect.andThen(fs.writeFileString(beside, text), made(fs.link(beside, file))),
    (beside) => Effect.ignore(fs.remove(beside, { force: true }))
  ).pipe(
    // Some file systems have no links.
    Effect.catchIf((error) => !exists(error), () => made(fs.writeFileString(file, text, { flag: "wx" }))),
    failed
  )

  /**
   * Removes a lock if it is still the stale one that was read. One process at a time does: two could remove each
   * other's new one.
   */
  const clear = (stale: string) => {
    const guard = `${file}.clearing`
    const old = Effect.flatMap(
      fs.stat(guard),
      ({ mtime }) =>
        Effect.map(Clock.currentTimeMillis, (now) => Option.exists(mtime, (at) => now - at.getTime() > clearingMillis))
    )
    return Effect.acquireUseRelease(
      made(fs.writeFileString(guard, text, { flag: "wx" })),
      (first) =>
        first
          ? Effect.flatMap(fs.readFileString(file), (found) => found === stale ? fs.remove(file) : Effect.void)
          : Effect.flatMap(old, (dead) => dead ? fs.remove(guard) : Effect.sleep(pauseMillis)),
      (first) => first ? fs.remove(guard, { force: true }) : Effect.void
    ).pipe(Effect.catchIf(missing, () => Effect.void), failed)
  }

  const take = Effect.gen(function*() {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      if (yield* create) return
      const found = yield* read
      if (Option.isNone(found)) continue
      const held = yield* holder(found.value)
      if (!(yield* isStale(held))) {
        return yield* new RunFolderInUse({ path: directory, file, pid: held.pid, host: held.host, since: held.since })
      }
      yield* clear(found.value)
    }
    return yield* new RunFileError({
      path: file,
      reason: "several runs try to take this folder at once: start one of them again"
    })
  }).pipe(
    // Ours from before it is there: another fiber of this process must not take it for a dead process's.
    (taking) => Effect.andThen(Effect.sync(() => own.add(mine.token)), taking),
    Effect.onError(() => Effect.sync(() => own.delete(mine.token)))
  )
  const release = Effect.gen(function*() {
    own.delete(mine.token)
    const found = yield* read
    // Only what is still ours: a lock that somebody deleted by hand may be another run's by now.
    if (Option.isSome(found) && found.value === text) yield* fs.remove(file, { force: true })
  }).pipe(Effect.ignore)

  yield* Effect.acquireRelease(take, () => release)
  yield* tidy
})
