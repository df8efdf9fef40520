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
import * as Digest from "./Digest.ts"
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

  const read = (place: string) =>
    fs.readFileString(place).pipe(
      Effect.map(Option.some),
      Effect.catchIf(missing, () => Effect.succeed(Option.none<string>())),
      failed
    )
  const remove = (place: string) => failed(fs.remove(place, { force: true }))
  const holder = (place: string, found: string) =>
    Schema.decodeEffect(HolderText)(found).pipe(
      Effect.mapError((cause) =>
        new RunFileError({
          path: place,
          reason: "says that another run holds this folder, and not which one. If none is going on, delete the file",
          cause
        })
      )
    )
  /** Whether a file was made that was not there before. */
  const made = <R>(effect: Effect.Effect<void, PlatformError.PlatformError, R>) =>
    Effect.catchIf(Effect.as(effect, true), exists, () => Effect.succeed(false))

  const besides = `${file}.${encodeURIComponent(hostname())}.`
  const claims = `${file}.stale.`
  /** Removes what processes of this machine wrote beside, and were killed before they could take it away. */
  const tidy = Effect.gen(function*() {
    const folder = path.dirname(file)
    for (const name of yield* fs.readDirectory(folder)) {
      const own = path.basename(besides)
      const pid = name.startsWith(own) ? Number(name.slice(own.length).split(".")[0]) : NaN
      if (Number.isInteger(pid) && pid > 0 && !runs(pid)) yield* remove(path.join(folder, name))
      if (!name.startsWith(path.basename(claims))) continue
      // The lock that it speaks of is gone: ours is there. It is nobody's but a dead process's, or will be given up.
      const left = Option.getOrElse(yield* read(path.join(folder, name)), () => "")
      if (yield* Effect.flatMap(holder(name, left), isStale)) yield* remove(path.join(folder, name))
    }
  }).pipe(Effect.ignore)

  // Written beside and linked: nobody ever sees a lock that does not say whose it is.
  const create = (place: string) =>
    Effect.acquireUseRelease(
      Effect.succeed(`${besides}${process.pid}.${mine.token}`),
      (beside) => Effect.andThen(fs.writeFileString(beside, text), made(fs.link(beside, place))),
      (beside) => Effect.ignore(fs.remove(beside, { force: true }))
    ).pipe(
      // Some file systems have no links.
      Effect.catchIf((error) => !exists(error), () => made(fs.writeFileString(place, text, { flag: "wx" }))),
      failed
    )

  /**
   * Takes a place: the lock's, or the right to remove a stale lock. The second is a lock, too, that its holder may die
   * over. Its name is made of the stale lock's text, which no other lock will ever have: whoever has it can remove that
   * lock alone, however late.
   */
  const take = (place: string): Effect.Effect<void, RunFolderInUse | RunFileError, FileSystem.FileSystem> =>
    Effect.gen(function*() {
      for (let attempt = 1; attempt <= attempts; attempt++) {
        if (yield* create(place)) return
        const found = yield* read(place)
        if (Option.isNone(found)) continue
        const held = yield* holder(place, found.value)
        if (!(yield* isStale(held))) {
          return yield* new RunFolderInUse({
            path: directory,
            file: place,
            pid: held.pid,
            host: held.host,
            since: held.since
          })
        }
        const right = `${claims}${Digest.ofText(found.value).sha256.slice(0, 32)}`
        const clear = Effect.acquireUseRelease(
          take(right),
          () => Effect.flatMap(read(place), (now) => Option.contains(now, found.value) ? remove(place) : Effect.void),
          () => Effect.ignore(remove(right))
        )
        // Another process is at it: it takes milliseconds, or dies over it.
        yield* Effect.catchTag(clear, "RunFolderInUse", () => Effect.sleep(pauseMillis))
      }
      return yield* new RunFileError({
        path: place,
        reason: "several runs try to take this folder at once: start one of them again"
      })
    })
  const taking = take(file).pipe(
    // Ours from before it is there: another fiber of this process must not take it for a dead process's.
    (effect) => Effect.andThen(Effect.sync(() => own.add(mine.token)), effect),
    Effect.onError(() => Effect.sync(() => own.delete(mine.token)))
  )
  const release = Effect.gen(function*() {
    const found = yield* read(file)
    // Only what is still ours: a lock that somebody deleted by hand may be another run's by now.
    if (Option.contains(found, text)) yield* remove(file)
  }).pipe(Effect.ignore, Effect.ensuring(Effect.sync(() => own.delete(mine.token))))

  yield* Effect.acquireRelease(taking, () => release)
  yield* tidy
})
