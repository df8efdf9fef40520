/**
 * An audit within a run folder: scores, ranks, and writes `suspects.jsonl`, `audit.html` and `results.json`.
 */
import { Effect, Option, Path, Schema } from "effect"
import * as Atomic from "../../dsl/Atomic.ts"
import * as Results from "../../evaluation/Results.ts"
import { audit, type AuditOptions } from "./audit.ts"
import { page, type PageOptions } from "./page.ts"
import type { Ranking } from "./Scored.ts"
import { figures, Suspect, suspects } from "./Suspects.ts"

/** Options of `study`: what is audited, and what is written of it. */
export interface StudyOptions<A, E, R, EP, RP>
  extends AuditOptions<A, E, R, EP, RP>, Pick<PageOptions<A, E, R>, "bars" | "facts">
{
  /** What the suspects are ranked by; the figures are those of all rankings. Default "metric". */
  readonly by?: Ranking
  /** Suspects in suspects.jsonl. Default 200. */
  readonly top?: number
  /** Image ids of the labels that are known to be wrong. */
  readonly wrong?: Option.Option<ReadonlySet<string>>
}

/** Runs the audit within the current run. */
export const study = Effect.fnUntraced(function*<A, E, R, EP, RP>(options: StudyOptions<A, E, R, EP, RP>) {
  const { bars, by = "metric", data, facts, out, seed, task, top = 200, wrong = Option.none() } = options
  const path = yield* Path.Path
  const scores = yield* audit(options)
  const rows = yield* figures(scores, { seed, wrong })
  const found = yield* suspects(scores, { by, count: top, wrong })
  yield* Atomic.writeText(
    path.join(out, "suspects.jsonl"),
    found.map((suspect) => `${JSON.stringify(Schema.encodeSync(Suspect)(suspect))}\n`).join("")
  )
  yield* page({
    file: path.join(out, "audit.html"),
    task,
    data,
    suspects: found,
    rows,
    facts,
    ...(bars === undefined ? {} : { bars })
  })
  yield* Results.write(rows)
  return { rows, suspects: found }
})
