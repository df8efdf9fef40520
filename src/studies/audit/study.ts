/**
 * An audit within a run folder: scores, ranks, and writes `suspects.jsonl`, `audit.html` and `results.json`.
 */
import { Effect, FileSystem, Option, Path, Schema, Stream } from "effect"
import * as Atomic from "../../dsl/Atomic.ts"
import * as Links from "../../dsl/Links.ts"
import { fromPlatform } from "../../dsl/RunError.ts"
import * as Results from "../../evaluation/Results.ts"
import { Written } from "../../kernels/weights/index.ts"
import { json } from "../artefacts.ts"
import * as Machine from "../report/Machine.ts"
import * as Side from "../report/Side.ts"
import { audit, type AuditOptions, byJudge } from "./audit.ts"
import type { Judge, Unanswered } from "./Judge.ts"
import { monotony, sameness } from "./Monotony.ts"
import { page, type PageOptions } from "./page.ts"
import { answered, type Ranking, Scored } from "./Scored.ts"
import { figures, Suspect, suspects } from "./Suspects.ts"

/** Options of `study`: what is audited, and what is written of it. */
export interface StudyOptions<A, E, R, EP, RP>
  extends AuditOptions<A, E, R, EP, RP>, Pick<PageOptions<A, E, R>, "bars" | "facts">
{
  /** What the suspects are ranked by; the figures are those of all rankings. Default "metric". */
  readonly by?: Ranking
  /** Whether the judging model was taught the task before, or is a server's. Default "untaught". */
  readonly model?: Judge["model"]
  /** Suspects in suspects.jsonl. Default 200. */
  readonly top?: number
  /** Of the labels that are known to be wrong, as `Corruption.corrupt` gives them. */
  readonly wrong?: Option.Option<ReadonlySet<string>>
}

/** Name of the file of samples whose labels nothing can be said of. */
export const unansweredFile = "unanswered.jsonl"

/** Writes the scores of what the judge has not answered, a line each; no file where it answered everything. */
const setApart = <E, R>(file: string, scores: Stream.Stream<Scored, E, R>) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const writing = Effect.mapError(fromPlatform(file, "writing"))
    yield* fs.remove(file, { force: true }).pipe(writing)
    return yield* Stream.runFoldEffect(
      scores,
      (): Unanswered => ({ count: 0, of: 0 }),
      ({ count, first, of }, scored) =>
        answered(scored) ? Effect.succeed({ ...(first && { first }), count, of: of + 1 }) : Effect.as(
          fs.writeFileString(file, `${JSON.stringify(Schema.encodeSync(Scored)(scored))}\n`, { flag: "a" }).pipe(
            writing
          ),
          {
            first: first ?? { label: scored.label, wrote: scored.wrote ?? "" },
            count: count + 1,
            of: of + 1
          }
        )
    )
  })

const RunJson = Schema.Struct({ about: Schema.optional(Schema.Struct(Machine.About.fields)) })

/** Writes what the page shows of machine and time, beside it: the run knows nothing of it, as it is never the same. */
const timed = (out: string) =>
  Effect.gen(function*() {
    const path = yield* Path.Path
    const at = (name: string) => path.join(out, name)
    yield* Links.refuseIn(out, [Side.folder])
    const run = yield* json(at("run.json"), RunJson)
    yield* Side.make(out)
    const about = Option.match(run, { onNone: () => ({}), onSome: ({ about = {} }) => about })
    yield* Side.write(out, "run", yield* Machine.read(at, about, Option.none()))
  }).pipe(Effect.provideService(Written.Written, undefined))

/** Runs the audit within the current run. */
export const study = Effect.fnUntraced(function*<A, E, R, EP, RP>(options: StudyOptions<A, E, R, EP, RP>) {
  const {
    bars,
    by = "metric",
    data,
    facts,
    model = "untaught",
    out,
    seed,
    task,
    top = 200,
    training,
    wrong = Option.none()
  } = options
  const path = yield* Path.Path
  const scores = yield* audit(options)
  const rows = yield* figures(scores, { seed, wrong })
  const found = yield* suspects(scores, { by, count: top, wrong })
  const unanswered = yield* setApart(path.join(out, unansweredFile), scores)
  yield* Atomic.writeText(
    path.join(out, "suspects.jsonl"),
    found.map((suspect) => `${JSON.stringify(Schema.encodeSync(Suspect)(suspect))}\n`).join("")
  )
  const judge: Judge = { model, training }
  const judges = yield* Effect.forEach(yield* byJudge(options), ({ name, scores }) => monotony(name, scores))
  const doubts = judges.flatMap(Option.toArray).map((found) => sameness(found, judge))
  yield* page({
    file: path.join(out, "audit.html"),
    task,
    data,
    suspects: found,
    unanswered,
    doubts,
    judge,
    rows,
    facts,
    ...(bars === undefined ? {} : { bars })
  })
  yield* Results.write(rows)
  yield* timed(out)
  return { rows, suspects: found, unanswered, doubts, judge }
})
