/**
 * Data: what `rise plan` and `rise train` would understand of it, with every picture decoded, or why neither starts.
 */
import { Effect, type FileSystem, Option, type Path, Stream } from "effect"
import * as Quarantine from "../../dsl/Quarantine.ts"
import * as Pictures from "../pictures.ts"
import { type Finding, note, ok, wrong } from "./Finding.ts"

const layouts = "docs/data.md has the layouts that are read"

/** What is said of data, as `rise train` takes it. */
export interface Said {
  readonly labels: Option.Option<string>
  readonly subject: Option.Option<string>
  readonly task: Option.Option<"classification" | "detection">
}

/** What a user who gives no flags but these would train on. */
const asGiven = (place: string, model: string, { labels, subject, task }: Said) => ({
  data: Option.some(place),
  difficulty: 0,
  labels,
  model,
  seed: 0,
  shots: Option.none(),
  subject,
  task
})

/** What there is to say of data, for a model that is to learn from it. */
export const data = (
  place: string,
  model: string,
  said: Said
): Effect.Effect<ReadonlyArray<Finding>, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const aside = yield* Quarantine.collect
    const { lines, source } = yield* Pictures.look(asGiven(place, model, said), { rows: true }).pipe(
      Effect.provideService(Quarantine.Quarantine, aside)
    )
    if (lines.length === 0) {
      const counted = source.kind === "boxes"
        ? [Stream.runCount(source.train), Stream.runCount(source.test)]
        : [Stream.runCount(source.train), Stream.runCount(source.test)]
      const [train, test] = yield* Effect.all(counted).pipe(
        Effect.provideService(Quarantine.Quarantine, aside)
      )
      const reasons = Object.entries(yield* aside.counts).map(([reason, n]) => `${reason} ${n}`)
      const text = `${place}: ${source.task.name}, ${train} pictures to train on + ${test} to test on`
      return [
        ok("data", text),
        ...reasons.map((reason) => note("data", `set aside: ${reason}`, "docs/data.md says what the reasons mean"))
      ]
    }
    const [head = "", each = "", ...notes] = lines.map((line) => line.trim())
    return [ok("data", `${head}: ${each}`), ...notes.map((text) => note("data", text))]
  }).pipe(
    Effect.catch(({ message }) => {
      const [first = ""] = message.split("\n")
      return Effect.succeed([
        first === message ? wrong("data", message) : wrong("data", first.replace(/[,;]? expected one of$/, ""), layouts)
      ])
    })
  )
