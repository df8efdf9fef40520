/**
 * What differs between two runs of one seed: machine, versions, times, memory, and what a run is doing. It lies beside
 * the page, in `report/run.js`, so that the page itself has the same bytes.
 */
import { Effect, Option, Schema, Stream } from "effect"
import { timingsFile } from "../../dsl/Run.ts"
import { lines } from "../artefacts.ts"
import type { Now } from "./Now.ts"

const Timing = Schema.Struct({
  stage: Schema.String,
  seconds: Schema.Finite,
  tokens: Schema.optional(Schema.Finite),
  mebibytes: Schema.optional(Schema.Finite)
})

/** Where timings lie: in the run's folder, and in those of the parts of an audit. */
const parts = ["", "all/", "half-1/", "half-2/"] as const

/** Stages that are shown. */
const mostStages = 1000

/** Of run.json, what is free to differ. */
export const About = Schema.Struct({
  versions: Schema.optional(Schema.Record(Schema.String, Schema.String)),
  platform: Schema.optional(Schema.String),
  machine: Schema.optional(Schema.Struct({
    processor: Schema.String,
    cores: Schema.Int,
    gibibytes: Schema.Finite
  })),
  command: Schema.optional(Schema.Array(Schema.String))
})

const quoted = (word: string): string => /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`

/** Where the page puts it. */
export const place =
  `<div id="machine"><p class="note">Machine, versions, times and the command are in report/run.js.</p></div>`

/** The command that makes the run again. */
const commandOf = (words: ReadonlyArray<string>): string => {
  const [first = "-"] = words
  const said = words.map(quoted).join(" ")
  if (!first.startsWith("-")) return `npx rise ${said}`
  return words.length === 0 ? "run the same script again" : `run the same script again, with ${said}`
}

/** "3 min 20 s". */
const duration = (seconds: number): string => {
  const s = Math.round(seconds)
  if (s >= 3600) return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`
  return s >= 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${seconds < 10 ? seconds.toFixed(1) : s} s`
}

/** What `run.js` hands to the page. */
export const read = Effect.fnUntraced(
  function*(at: (name: string) => string, about: typeof About.Type, now: Option.Option<Now>) {
    const all = yield* Stream.fromIterable(parts).pipe(
      Stream.flatMap((part) =>
        Stream.map(
          lines(at(`${part}${timingsFile}`), Timing),
          (timing) => ({ ...timing, stage: `${part}${timing.stage}` })
        )
      ),
      Stream.take(mostStages),
      Stream.runCollect
    )
    // A method's row is the sum of its stages'.
    const stages = all.filter(({ stage }) => !/(^|\/)method$/.test(stage))
    const { command, machine, platform, versions = {} } = about
    const peak = Math.max(0, ...all.map(({ mebibytes = 0 }) => mebibytes))
    const tokens = stages.reduce((sum, { tokens = 0 }) => sum + tokens, 0)
    const facts = [
      ...(stages.length === 0
        ? []
        : [["time of all stages", duration(stages.reduce((sum, { seconds }) => sum + seconds, 0))]]),
      ...(tokens === 0 ? [] : [["tokens generated or trained on", tokens.toLocaleString("en")]]),
      ...(peak === 0 ? [] : [["most memory", `${(peak / 1024).toFixed(2)} GiB`]]),
      ...(machine === undefined
        ? []
        : [["processor", `${machine.processor}, ${machine.cores} ${machine.cores === 1 ? "core" : "cores"}`], [
          "memory",
          `${machine.gibibytes} GiB`
        ]]),
      ...(platform === undefined ? [] : [["system", platform]]),
      ...Object.entries(versions)
    ]
    return {
      facts,
      command: command === undefined ? null : commandOf(command),
      stages: stages.map(({ mebibytes = null, seconds, stage, tokens = null }) => ({
        stage,
        seconds,
        tokens,
        mebibytes
      })),
      now: Option.getOrNull(now)
    }
  }
)
