/**
 * The pictures that a command line names: files, folders, patterns, and lists of names on standard input.
 */
import { Effect, Stdio, Stream } from "effect"
import { glob, lstat, stat } from "node:fs/promises"
import { basename, resolve } from "node:path"
import * as Quoted from "../../data/Quoted.ts"
import { ImageError } from "../../kernels/image/index.ts"
import * as Listing from "../../kernels/image/Listing.ts"
import * as Nearby from "../../kernels/runtime/Nearby.ts"
import * as SystemFault from "../../kernels/runtime/SystemFault.ts"

/** Standard input holds the names. */
export const listOnStdin = "-"

export interface Pictures {
  /** Each once, in the order of naming; in a folder by name. */
  readonly names: ReadonlyArray<string>
  /** What the user should know of what was named and is not among them. */
  readonly notes: ReadonlyArray<string>
}

interface Options {
  /** Whether folders inside of folders are looked into. */
  readonly recursive: boolean
}

const fromListing = (source: string, listing: Listing.Listing): Pictures => ({
  names: listing.names,
  notes: Listing.notes(source, listing)
})

const inFolder = (folder: string, { recursive }: Options) =>
  Effect.map(Listing.list(folder, recursive), (listing) => fromListing(folder, listing))

/** Files that a pattern matches, sorted; hidden ones only where the pattern names them. */
const matching = (pattern: string): Effect.Effect<Pictures, ImageError> =>
  Stream.fromAsyncIterable(
    glob(pattern, { withFileTypes: true }),
    (cause) => new ImageError({ image: pattern, reason: `the pattern cannot be looked up: ${String(cause)}`, cause })
  ).pipe(
    Stream.filter((entry) => !entry.isDirectory()),
    Stream.map(({ name, parentPath }) => ({ name, path: resolve(parentPath, name) })),
    Stream.runCollect,
    Effect.flatMap(Effect.fnUntraced(function*(found) {
      const cwd = `${process.cwd()}/`
      // As the pattern names them: from here, or from the root.
      const relative = (path: string) =>
        pattern !== resolve(pattern) && path.startsWith(cwd) ? path.slice(cwd.length) : path
      const files = found.map(({ name, path }) => ({ name, path: relative(path) })).sort((a, b) =>
        a.path < b.path ? -1 : 1
      )
      const shown = files.filter(({ name }) => !Listing.isHidden(name) || Listing.isHidden(basename(pattern)))
      const known = yield* Effect.forEach(
        shown,
        ({ name, path }) => Effect.map(Listing.isPicture(path), (picture) => ({ name, path, picture })),
        { concurrency: 8 }
      )
      return fromListing(pattern, {
        names: known.flatMap(({ path, picture }) => picture ? [path] : []),
        leftOut: {
          ...Listing.nothing,
          hidden: files.length - shown.length,
          others: known.flatMap(({ name, picture }) => picture ? [] : [name])
        }
      })
    }))
  )

/** What a name stands for. A link that leads nowhere, and what may not be looked at, are `out of sight`. */
type Kind = "folder" | "file" | "nothing" | "out of sight"

const isNothing = (code: string | undefined): boolean => code === "ENOENT" || code === "ENOTDIR"

/** Looked up once a name. */
const kindOf = (name: string): Effect.Effect<Kind> =>
  Effect.tryPromise({ try: () => stat(name), catch: SystemFault.codeOf }).pipe(
    Effect.matchEffect({
      onSuccess: (info) => Effect.succeed<Kind>(info.isDirectory() ? "folder" : "file"),
      onFailure: (code) =>
        Effect.match(Effect.tryPromise({ try: () => lstat(name), catch: SystemFault.codeOf }), {
          onFailure: (link): Kind => isNothing(code) && isNothing(link) ? "nothing" : "out of sight",
          onSuccess: (): Kind => "out of sight"
        })
    })
  )

/** A name of the command line, looked up. */
interface Looked {
  readonly name: string
  readonly kind: Kind
}

const isPattern = (name: string) => /[*?[{]/.test(name)

/**
 * Names of nothing on the command line: a slip, told before there is a file with a row of it. In a list on standard
 * input it has its row.
 */
const refuseAbsent = Effect.fnUntraced(function*(given: ReadonlyArray<Looked>) {
  const absent = given.filter(({ kind, name }) => kind === "nothing" && !isPattern(name)).map(({ name }) => name)
  const [first] = absent
  if (first === undefined) return
  const more = absent.length === 1 ? "" : `, nor ${Quoted.names(absent.slice(1), 3)}`
  const meant = absent.length === 1 ? yield* Nearby.meant(first) : ""
  return yield* new ImageError({
    image: first,
    reason: /^https?:\/\//i.test(first)
      ? `pictures are read from files, and this is an address: download it first`
      : `no such file or folder${more}${meant || ": check the name"}; nothing was annotated`
  })
})

/** What one name stands for. A name of nothing stays: its row says that there is no such file. */
const named = ({ kind, name }: Looked, options: Options, patterns: boolean): Effect.Effect<Pictures, ImageError> => {
  if (kind === "folder") return inFolder(name, options)
  return kind !== "file" && patterns && isPattern(name)
    ? matching(name)
    : Effect.succeed({ names: [name], notes: [] })
}

/** A list on standard input: most bytes of it, and of a name. No system knows longer names of files. */
const [mostListed, longestName] = [64 * 2 ** 20, 32 * 2 ** 10]

const onStdin = (options: Options) =>
  Effect.gen(function*() {
    const { stdin } = yield* Stdio.Stdio
    const fail = (reason: string) => new ImageError({ image: "standard input", reason })
    const pieces: Array<Uint8Array> = []
    let bytes = 0
    yield* stdin.pipe(
      Stream.mapError((cause) => new ImageError({ image: "standard input", reason: SystemFault.words(cause), cause })),
      Stream.runForEach((piece) => {
        bytes += piece.length
        if (bytes > mostListed) {
          return Effect.fail(fail(`more than ${mostListed} bytes of names: name their folder, or part the list`))
        }
        pieces.push(piece)
        return Effect.void
      })
    )
    const text = new TextDecoder().decode(Buffer.concat(pieces))
    // As find -print0 writes them, or one a line.
    const lines = text.split(text.includes("\0") ? "\0" : /\r?\n/)
    const long = lines.findIndex(({ length }) => length > longestName)
    if (long >= 0) {
      return yield* fail(`name ${long + 1} has ${lines[long]?.length} characters: this is no list of files`)
    }
    return yield* Effect.forEach(lines.filter((line) => line !== ""), (name) =>
      Effect.flatMap(kindOf(name), (kind) => named({ name, kind }, options, false)))
  })

/** All pictures that were named. */
export const find = Effect.fnUntraced(function*(given: ReadonlyArray<string>, options: Options) {
  const looked = yield* Effect.forEach(
    given,
    (name) =>
      Effect.map(name === listOnStdin ? Effect.succeed<Kind>("file") : kindOf(name), (kind) => ({ name, kind })),
    { concurrency: 8 }
  )
  yield* refuseAbsent(looked)
  const parts = yield* Effect.forEach(
    looked,
    (one) => one.name === listOnStdin ? onStdin(options) : Effect.map(named(one, options, true), (found) => [found])
  )
  const all = parts.flat()
  const once = new Map<string, string>()
  let again = 0
  let first = ""
  for (const { names } of all) {
    for (const name of names) {
      const place = resolve(name)
      if (!once.has(place)) once.set(place, name)
      else if (again++ === 0) first = name
    }
  }
  const twice = again === 0
    ? []
    : [`${Listing.counted(again, "picture")} named more than once (${first}${again > 1 ? ", …" : ""}): annotated once`]
  const remote = [...once.values()].filter((name) => /^https?:\/\//i.test(name))
  const addresses = remote.length === 0
    ? []
    : [`pictures are read from files, and ${remote[0]} is an address: download it first`]
  const pictures: Pictures = {
    names: [...once.values()],
    notes: [...all.flatMap(({ notes }) => notes), ...twice, ...addresses]
  }
  return pictures
})
