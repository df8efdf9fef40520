/**
 * Where rows go, and which pictures are to have one: standard output takes all of them, a file those that it lacks.
 */
import { Console, Effect, Option, type Schema } from "effect"
import { shownInLine } from "../../kernels/runtime/Shown.ts"
import { Streams } from "../streams.ts"
import * as Csv from "./Csv.ts"
import type { Format } from "./Format.ts"
import * as Output from "./Output.ts"
import type { Row, Shape } from "./Row.ts"

export interface Sink {
  /** Pictures that the work is about: all of them, or those that an earlier list left over. */
  readonly names: ReadonlyArray<string>
  /** The first of `names`, which have a row already. */
  readonly skip: number
  /** Of all pictures that were named, those that have a row already, and those of them without an annotation. */
  readonly before: { readonly n: number; readonly failed: number }
  readonly keep: (rows: ReadonlyArray<Row>) => Effect.Effect<void, Effect.Error<ReturnType<Output.Output["keep"]>>>
  readonly finish: Output.Output["finish"]
}

export interface Options extends Omit<Output.Options, "path"> {
  readonly out: Option.Option<string>
  readonly names: ReadonlyArray<string>
}

/** A row on a terminal: one line, ended as lines end there. */
export const onTerminal = (row: string): string => `${shownInLine(row.replace(/\r?\n$/, ""))}\n`

/**
 * A terminal shows rows without obeying them; files and pipes get them as they are. Nobody reads a closed pipe: the
 * command ends by it, see `withOutput`.
 */
const write = (rows: ReadonlyArray<string>) =>
  Effect.map(Streams, ({ stdout }) => void stdout.write((stdout.isTTY === true ? rows.map(onTerminal) : rows).join("")))

const onStdout = (format: Format, shape: Shape, names: ReadonlyArray<string>): Effect.Effect<Sink> => {
  const text = Output.textOf(format, shape)
  const sink: Sink = {
    names,
    skip: 0,
    before: { n: 0, failed: 0 },
    keep: (rows) => write(rows.map(text)),
    finish: Effect.void
  }
  return Effect.as(format === "csv" ? write([Csv.header(shape)]) : Effect.void, sink)
}

/**
 * Rows behind those of earlier lists are the beginning of this one, where it is the one that was interrupted: then it
 * goes on in its own batches. Else what has no row yet is a new list.
 */
const inFile = Effect.fnUntraced(function*(options: Output.Options, names: ReadonlyArray<string>) {
  const { beginList, began, done, finish, keep } = yield* Output.open(options)
  const there = [...done.keys()]
  const earlier = new Set(there.slice(0, began))
  const list = names.filter((name) => !earlier.has(name))
  const rows = there.slice(began)
  const goesOn = rows.every((name, i) => name === list[i])
  if (!goesOn) yield* beginList
  const known = names.filter((name) => done.has(name))
  const others = done.size - known.length
  if (others > 0) yield* Console.error(`${options.path}: also holds ${others} of pictures that were not named now`)
  const sink: Sink = {
    names: goesOn ? list : names.filter((name) => !done.has(name)),
    skip: goesOn ? rows.length : 0,
    before: { n: known.length, failed: known.filter((name) => done.get(name) === false).length },
    keep,
    finish
  }
  return sink
})

/** Opens standard output or the file. */
export const open = ({ names, out, ...options }: Options) =>
  Option.match(out, {
    onNone: () => onStdout(options.format, options.shape, names),
    onSome: (path) => inFile({ ...options, path }, names)
  })

/** What answers of a model are made with, as files record it. */
export type Identity = Readonly<Record<string, Schema.Json>>
