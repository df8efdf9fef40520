/**
 * Data: what `rise plan` and `rise train` would understand of it, with every picture decoded, or why neither starts.
 */
import { Effect, type FileSystem, Option, type Path, Stream } from "effect"
import * as Aside from "../../dsl/Aside.ts"
import * as Quarantine from "../../dsl/Quarantine.ts"
import * as Sources from "../../sources/index.ts"
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

/**
 * What there is to say of data, for a model that is to learn from it.
 *
 * @param all whether every row that is set aside is named, not the first of them
 */
export const data = (
  place: string,
  model: string,
  said: Said,
  all = false
): Effect.Effect<ReadonlyArray<Finding>, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const aside = yield* Quarantine.collect
    const shown = all
      ? { rows: Quarantine.kept, rest: "a run writes down all of them, in quarantine.jsonl of its folder" }
      : { rows: Aside.shown, rest: "--all names them" }
    const understood = Effect.gen(function*() {
      const { lines, source } = yield* Pictures.look(asGiven(place, model, said), { aside: shown }).pipe(
        Effect.provideService(Quarantine.Quarantine, aside)
      )
      if (lines.length === 0) {
        const counted = source.kind === "boxes"
          ? [Stream.runCount(source.train), Stream.runCount(source.test)]
          : [Stream.runCount(source.train), Stream.runCount(source.test)]
        const [train, test] = yield* Effect.all(counted).pipe(
          Effect.provideService(Quarantine.Quarantine, aside)
        )
        const rows = yield* Sources.asideLines(aside, place, shown)
        const text = `${place}: ${source.task.name}, ${train} pictures to train on + ${test} to test on`
        return [
          ok("data", text),
          ...rows.map((line) => note("data", line.trim()))
        ]
      }
      const [head = "", each = "", ...notes] = lines.map((line) => line.trim())
      return [ok("data", `${head}: ${each}`), ...notes.map((text) => note("data", text))]
    })
    return yield* Effect.catch(understood, ({ message }) =>
      Effect.gen(function*() {
        const [first = ""] = message.split("\n")
        const why = first === message
          ? wrong("data", message)
          : wrong("data", first.replace(/[,;]? expected one of$/, ""), layouts)
        // The message has the first of them.
        const rows = all ? yield* Sources.asideLines(aside, place, shown) : []
        return [why, ...rows.map((line) => note("data", line.trim()))]
      }))
  })
