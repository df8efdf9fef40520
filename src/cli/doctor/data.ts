/**
 * A folder of data, or the file that describes it: what it is, what is in it, or why it cannot be read.
 */
import { Effect, type FileSystem, Option, type Path, Stream } from "effect"
import { Layouts } from "../../data/index.ts"
import type { DataError } from "../../dsl/Dataset.ts"
import * as Quarantine from "../../dsl/Quarantine.ts"
import type { Sample } from "../../dsl/Task.ts"
import { type Counts, counts } from "../../sources/counts.ts"
import { type Finding, note, ok, wrong } from "./Finding.ts"

const layouts = "docs/data.md has the layouts that are read"

/** Labels that are shown with their counts. */
const shown = 20

type Disk = FileSystem.FileSystem | Path.Path
type Half<A> = Stream.Stream<Sample<A>, DataError, Disk>

const nothing: Counts = { pictures: 0, labels: new Map() }

const halves = <A>(train: Half<A>, test: Option.Option<Half<A>>, labelsOf: (truth: A) => ReadonlyArray<string>) =>
  Effect.all([
    counts(train, labelsOf),
    Option.match(test, { onNone: () => Effect.succeed(nothing), onSome: (half) => counts(half, labelsOf) })
  ])

/** What there is in each half, by label: of shares the label with most, of boxes how many are boxed. */
const counted = (found: Layouts.Found) => {
  if (found.kind === "boxes") {
    return halves(
      found.train,
      found.test,
      ({ instances }) => instances.flatMap(({ crowd, label }) => crowd === true || label === undefined ? [] : [label])
    )
  }
  const { labels, test, train } = found
  return halves(train, test, (shares) => [labels[shares.indexOf(Math.max(...shares))] ?? ""])
}

/** What there is to say of data: no picture is decoded. */
export const data = (place: string): Effect.Effect<Finding, never, Disk> =>
  Effect.gen(function*() {
    const found = yield* Layouts.find(place)
    const aside = yield* Quarantine.collect
    const [train, test] = yield* Effect.provideService(counted(found), Quarantine.Quarantine, aside)
    const inAll = (label: string) => (train.labels.get(label) ?? 0) + (test.labels.get(label) ?? 0)
    const each = found.labels.slice(0, shown).map((label) => `${label} ${inAll(label)}`)
    const more = found.labels.length > shown ? [`and ${found.labels.length - shown} more labels`] : []
    const what = found.kind === "boxes" ? "boxes with labels" : found.single ? "a label for each" : "shares of labels"
    const parts = found.test._tag === "Some" ? ` to train on and ${test.pictures} to test on` : ""
    const text = `${place}: ${found.layout}, ${train.pictures} pictures${parts}, ${what}: ${
      [...each, ...more].join(", ")
    }`
    const reasons = Object.entries(yield* aside.counts).map(([reason, n]) => `${reason} ${n}`)
    return reasons.length === 0
      ? ok("data", text)
      : note("data", `${text}; set aside: ${reasons.join(", ")}`, "docs/data.md says what the reasons mean")
  }).pipe(
    Quarantine.silently,
    Effect.catch(({ message }) => {
      const [first = ""] = message.split("\n")
      return Effect.succeed(
        first === message ? wrong("data", message) : wrong("data", first.replace(/[,;]? expected one of$/, ""), layouts)
      )
    })
  )
