/**
 * `rise tables`: runs or resumes the paper's experiments and prints their tables.
 */
import { Console, Effect, Option, Path, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import { availableParallelism } from "node:os"
import { CsvManifest } from "../../data/index.ts"
import * as Quoted from "../../data/Quoted.ts"
import { duration } from "../../dsl/Progress.ts"
import * as Quarantine from "../../dsl/Quarantine.ts"
import { Ablations } from "../../studies/index.ts"
import { Emotion6 } from "../../tasks/classification/index.ts"
import { isEmbedded, modelName } from "../embedded.ts"
import * as Flags from "../flags.ts"
import * as Futile from "../futile.ts"
import { computing } from "../main.ts"
import { check, named, policy, together } from "../policy.ts"
import { readable } from "../process.ts"
import { text } from "../values.ts"

const { Cell, Estimate, Figures, Grid, Render, Tables } = Ablations

const listed = (text: string): ReadonlyArray<string> =>
  text.split(",").map((part) => part.trim()).filter((part) => part !== "")

const out = text("out", "DIR", "a folder").pipe(
  Flag.withAlias("o"),
  Flag.withDescription("The grid's folder; finished cells in it are not run again; default: runs/tables"),
  Flag.withDefault("runs/tables")
)

const seeds = Flag.String("seeds").pipe(
  Flag.withDescription("Seeds, separated by commas, from 0 on; one that stands twice counts once; default: 0,1,2"),
  Flag.withMetavar("N,N,…"),
  Flag.withDefault("0,1,2"),
  Flag.filterMap(
    (text) => {
      const found = listed(text)
      return found.length > 0 && found.every((seed) => /^\d+$/.test(seed) && Number.isSafeInteger(Number(seed)))
        ? Option.some([...new Set(found.map(Number))])
        : Option.none()
    },
    () => "a list of whole numbers from 0 on such as 0,1,2"
  )
)

const known = Tables.all.map(({ id }) => id)

const table = Flag.String("table").pipe(
  Flag.withDescription(`Only these tables, separated by commas: ${known.join(", ")}; default: all`),
  Flag.withMetavar("ID,ID,…"),
  Flag.filterMap(
    (text) => {
      const found = listed(text)
      return found.length > 0 && found.every((id) => known.includes(id)) ? Option.some(found) : Option.none()
    },
    () => `a list of some of ${known.join(", ")}`
  ),
  Flag.optional
)

const only = Flag.String("only").pipe(
  Flag.withDescription(
    "Only cells whose id holds one of these texts (see --dry), with those they begin from; default: all"
  ),
  Flag.withMetavar("TEXT,TEXT,…"),
  Flag.map(listed),
  Flag.optional
)

const dry = Flag.Boolean("dry").pipe(
  Flag.withDescription("List the cells, which are done and how long the others will take; compute nothing"),
  Flag.withDefault(false)
)

const { data, device, difficulty, lora, model, noWarmUp, preset, trainable, workers } = Flags.study
// Its servers write chains, which no grammar holds.
const { sampler: _, ...servers } = Flags.remote

export const tables = Command.make("tables", {
  data: data.pipe(Flag.withDescription(
    "A folder with emotion6's train.csv and val.csv or test.csv, a column for each of its seven feelings: its tables " +
      "alone are run then; default: the embedded scenes (synthetic)"
  )),
  device,
  difficulty: difficulty.pipe(Flag.withDescription(
    "How hard the embedded scenes of emotion6 are to read, from 0 to 1: its tables alone are run then; default: 0"
  )),
  dry,
  lora,
  model,
  noWarmUp,
  only,
  out,
  preset,
  seeds,
  table,
  trainable,
  workers,
  ...Flags.frozen,
  ...Flags.memory,
  ...servers
}, (flags) => {
  const preset = Flags.settings(flags)
  const remote = Option.isSome(flags.remote)
    ? { name: named(flags), policy: (seed: number) => policy({ ...flags, seed }) }
    : undefined
  // A cell that was trained otherwise is another cell.
  const trained = [
    modelName(flags.model),
    ...Option.toArray(flags.lora).map((rank) => `LoRA ${rank}`),
    ...Option.toArray(flags.quantize)
  ]
  const model = {
    name: trained.join(", "),
    policy: (seed: number) => policy({ ...flags, remote: Option.none(), remoteModel: "", seed }, preset)
  }
  const grid = {
    subjects: Ablations.subjects({ ...flags, embedded: isEmbedded(flags) }),
    bench: {
      out: flags.out,
      preset,
      model,
      remote
    }
  }
  const selection = {
    seeds: flags.seeds,
    ...Option.match(flags.table, { onNone: () => ({}), onSome: (ids) => ({ tables: ids }) }),
    ...Option.match(flags.only, { onNone: () => ({}), onSome: (texts) => ({ only: texts }) })
  }
  const cells = Grid.plan(grid, selection)
  const subjectOf = (task: string) => grid.subjects.find(({ name }) => name === task)
  const sizeOf = (task: string) => subjectOf(task)?.sizes
  const presetOf = (cell: Ablations.Cell.Cell) => Grid.presetOf(grid, cell)
  const cores = Math.min(availableParallelism(), Option.getOrElse(flags.workers, () => Infinity))
  const estimate = (some: ReadonlyArray<Ablations.Cell.Cell>) =>
    Effect.map(
      Estimate.measured(grid.bench),
      (timings) => Estimate.estimate(some, { cores, plan: cells, preset, presetOf, sizeOf, timings })
    )

  const list = Effect.gen(function*() {
    const states = yield* Effect.forEach(cells, (cell) => Grid.stateOf(grid, cell))
    for (const [i, cell] of cells.entries()) {
      const { seconds, unknown } = yield* estimate([cell])
      const known = states[i] !== "done" && unknown === 0
      yield* Console.log(
        `${states[i]?.padEnd(5)}  ${(known ? duration(seconds) : "").padStart(7)}  ${Cell.id(cell)}`
      )
    }
    const open = cells.filter((_, i) => states[i] !== "done")
    const { seconds, timed, unknown } = yield* estimate(open)
    const basis = timed > 0
      ? `by ${Quoted.count(timed, "cell")} timed here`
      : `counted, as on ${cores === 1 ? "one core" : "two cores"} with the embedded checkpoint`
    const how = open.length === 0
      ? ""
      : unknown === open.length
      ? ": how long is known once one of them was run here"
      : unknown > 0
      ? `: more than ${
        duration(seconds)
      } (${basis}; how long ${unknown} of them take is known once one like these was run here)`
      : `: about ${duration(seconds)} (${basis})`
    yield* Console.log(`\n${cells.length} cells, ${cells.length - open.length} done, ${open.length} to do${how}.`)
  })

  const run = Effect.gen(function*() {
    const failures = yield* Grid.run(grid, cells, {
      started: (cell, at, of, remaining) =>
        Effect.flatMap(
          estimate(remaining),
          ({ seconds, unknown }) => {
            const eta = unknown === 0
              ? duration(seconds)
              : unknown === remaining.length
              ? "not known yet"
              : `more than ${duration(seconds)}`
            return Console.error(`[${at}/${of}] ${Cell.id(cell)}  ETA ${eta}`)
          }
        ),
      failed: ({ cell, reason }) => Console.error(`       ${Cell.id(cell)} failed: ${reason}`)
    }).pipe(
      Effect.onInterrupt(() =>
        Console.error(`\nInterrupted. The same command goes on where this one ended: ${flags.out}`)
      )
    )
    const filled = yield* Figures.collect(grid, selection, failures)
    const sources = Object.fromEntries(grid.subjects.map(({ name, source }) => [name, source]))
    const about = { preset: preset.name, models: [model.name], seeds: flags.seeds, sources }
    yield* Render.write(flags.out, filled, about, failures)
    const text = Render.printed(filled, about, failures, process.stdout.isTTY ? process.stdout.columns : undefined)
    const path = yield* Path.Path
    yield* Console.log(`\n${text}\nWritten to ${path.join(flags.out, "tables.md")} and tables.json.`)
  })

  const sound = Effect.gen(function*() {
    yield* Futile.ofScenes(flags)
    // The server's model and the local one stand beside each other here.
    const both = Option.isSome(flags.remote) && flags.remoteModel !== ""
    yield* together({ ...flags, seed: 0, ...(both && { remote: Option.none(), remoteModel: "" }) })
    const found = cells.map(Cell.id)
    const none = Option.flatMap(flags.only, (texts) =>
      Option.fromUndefinedOr(
        texts.length === 0 ? "(empty)" : texts.find((text) => !found.some((id) => id.includes(text)))
      ))
    const alone = Option.isSome(flags.data) ? "--data" : flags.difficulty > 0 ? "--difficulty" : undefined
    const because = alone === undefined ? "" : ` (with ${alone} those of emotion6 alone are run)`
    // Of other tasks, whose cells there would be else.
    const isForeign = (text: string) =>
      Grid.tablesOf(selection).some((table) =>
        Tables.cellsOf(table, flags.seeds, preset).some((cell) =>
          subjectOf(cell.task) === undefined && Cell.id(cell).includes(text)
        )
      )
    yield* Futile.refuse(
      { "--only": none },
      (flag) =>
        `${flag} ${Option.getOrElse(none, () => "")} is in the id of no cell${
          Option.exists(none, isForeign) ? because : ""
        }: ` +
        `--dry without ${flag} lists them`
    )
    yield* Futile.refuse(
      { "--table": found.length === 0 && Option.isSome(flags.table) },
      (flag) =>
        `${flag} ${Option.getOrElse(flags.table, () => []).join(",")} has no cell that can be run here${because}: ` +
        `--dry without ${flag} lists those that can`
    )
    // A model or pictures that are not there, or in another layout, are not found out after an hour of other cells.
    yield* check({ model: flags.model, seed: 0 })
    if (Option.isSome(flags.data)) {
      const { test, train } = yield* CsvManifest.splits(flags.data.value)
      for (const manifest of [train, test]) {
        yield* Quarantine.silently(Stream.runHead(CsvManifest.read(manifest, Emotion6.task)))
      }
    }
  })

  return flags.dry ? readable(Effect.andThen(sound, list)) : computing(flags)(Effect.andThen(sound, run))
}).pipe(Command.withDescription("Run or resume the paper's experiments and print its tables"))
