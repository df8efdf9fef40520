/**
 * What was understood of a user's pictures, in lines for a terminal: before anything runs on them.
 */
import { Effect, type FileSystem, Option, type Path, type Stream } from "effect"
import * as Quoted from "../data/Quoted.ts"
import * as Quarantine from "../dsl/Quarantine.ts"
import type { Sample } from "../dsl/Task.ts"
import { top } from "../tasks/classification/Labels.ts"
import * as Apart from "./Apart.ts"
import { asideLines, type AsideOptions } from "./asideLines.ts"
import { counts } from "./counts.ts"
import { overlap } from "./overlap.ts"
import type { Pictures } from "./pictures.ts"
import type { Fault } from "./Source.ts"

type Half<A> = Stream.Stream<Sample<A>, Fault, FileSystem.FileSystem | Path.Path>

/** Labels that are shown with their counts. */
const shown = 30

/** Where a label has so many pictures, one of a single picture is more likely mistyped than rare. */
const often = 5

const lines = <A>(source: Pictures, options: AsideOptions, halves: {
  readonly train: Half<A>
  readonly test: Half<A>
  readonly labelsOf: (truth: A) => ReadonlyArray<string>
  readonly encode: (truth: A) => string
  readonly apart: Apart.Apart<A>
  readonly what: string
}) =>
  Effect.gen(function*() {
    const { apart, encode, labelsOf, test, train, what } = halves
    const aside = yield* Quarantine.collect
    const [trained, tested, shared] = yield* Effect.all([
      counts(train, labelsOf),
      counts(test, labelsOf),
      overlap(train, test, encode, apart)
    ]).pipe(Quarantine.into(aside))
    const { labels, layout, name, notes } = source
    const inAll = (label: string) => (trained.labels.get(label) ?? 0) + (tested.labels.get(label) ?? 0)
    const untested = tested.pictures === 0
      ? []
      : labels.filter((label) => !tested.labels.has(label) && trained.labels.has(label))
    const rare = labels.filter((label) => inAll(label) === 1)
    const sounds = rare.length > 0 && labels.some((label) => inAll(label) >= often)
    const empty = trained.empty + tested.empty
    const said = new Set([
      ...notes,
      ...source.tiny(),
      ...(empty > 0
        ? [
          `${Quoted.count(empty, "picture")} with nothing boxed in ${
            empty === 1 ? "it" : "them"
          }: to be answered with no box`
        ]
        : []),
      ...(untested.length > 0 ? [`no picture to test on has the label ${Quoted.names(untested)}`] : []),
      ...(sounds
        ? [
          `${rare.length === 1 ? "one picture has" : "one picture each has"} the label ${Quoted.names(rare)}: mend ` +
          "what is mistyped, or name the labels that count, --labels"
        ]
        : [])
    ])
    const each = labels.slice(0, shown).map((label) =>
      `${/[\s\d,]/.test(label) ? JSON.stringify(label) : label} ${trained.labels.get(label) ?? 0} + ${
        tested.labels.get(label) ?? 0
      }`
    )
    const more = labels.length > shown ? [`and ${labels.length - shown} more labels`] : []
    return [
      `${name}: ${layout}, ${what}: ${
        Quoted.count(trained.pictures, "picture")
      } to train on + ${tested.pictures} to test on`,
      `  ${[...each, ...more].join(", ")}`,
      ...[...said].map((note) => `  ${note}`),
      ...(yield* asideLines(aside, name, options)).map((line) => `  ${line}`),
      ...Option.match(shared.first, {
        onNone: () => [],
        onSome: ([other, id]) => [
          `  in both halves: ${shared.count} of the ${tested.pictures} pictures to test on ` +
          `${
            shared.count === 1 ? "is" : "are"
          } trained on, too (${other} has the bytes of ${id}): what is measured on ` +
          `them tells nothing of new pictures`
        ]
      }),
      ...Option.match(shared.contradiction, {
        onNone: () => [],
        onSome: ([later, earlier, distance]) => {
          const { contradicting } = shared
          const words = apart.words(distance)
          return [
            `  under different labels: ${contradicting} ${contradicting === 1 ? "picture has" : "pictures have"} the ` +
            `bytes of another with another label (${later.id} is ${JSON.stringify(later.label)}, ${earlier.id} is ` +
            `${JSON.stringify(earlier.label)}${words === undefined ? "" : `, ${words}`}): one of the two is wrong`
          ]
        }
      })
    ]
  })

/**
 * One line each: layout and kind, labels with their pictures in either half (of shares the label with most, or each of
 * those that have; of boxes how many are boxed), what was guessed or left alone, rows that are set aside by reason,
 * pictures in both halves.
 * Reads everything, pictures too.
 */
export const understood = (
  source: Pictures,
  options: AsideOptions = {}
): Effect.Effect<ReadonlyArray<string>, Fault, FileSystem.FileSystem | Path.Path> => {
  if (source.kind === "boxes") {
    const labelsOf = (truth: typeof source.task.annotation.Type) =>
      truth.flatMap(({ crowd, label }) => crowd === true || label === undefined ? [] : [label])
    const { encode } = source.task
    return lines(source, options, {
      ...source,
      labelsOf,
      encode,
      apart: Apart.ofBoxes<"thousandths">(),
      what: "boxes with labels"
    })
  }
  const what = source.single ? "a label for each picture" : "shares of labels"
  const { encode, labels } = source.task
  return lines(source, options, {
    ...source,
    // Where several have the most, each of them: none of these is the one that the picture is of.
    labelsOf: (truth) => top(truth).flatMap((at) => labels[at] ?? []),
    encode,
    apart: Apart.ofShares,
    what
  })
}
