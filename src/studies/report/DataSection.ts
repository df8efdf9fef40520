/**
 * What the data are: labels in both halves, rows that were set aside, pictures that are there twice.
 */
import { Option } from "effect"
import type { Row } from "../../dsl/Quarantine.ts"
import type { Data } from "../data.ts"
import { cell, escape, heads, row, scrolling } from "./Html.ts"

/** Labels and rows in a table. */
const most = 200

/** What a report knows of rows that were set aside. */
export interface SetAside {
  readonly counts: ReadonlyMap<string, number>
  /** The first of them. */
  readonly first: ReadonlyArray<Pick<Row, "source" | "row" | "unit" | "reason" | "detail">>
}

const share = (part: number, of: number): string => of === 0 ? "–" : `${(100 * part / of).toFixed(1)}%`

const labelsOf = ({ kind, labels, test, train }: Data): string => {
  if (labels.length === 0) return ""
  const names = kind === "boxes"
    ? ["label", "pictures to train on", "boxes", "pictures to test on", "boxes"]
    : ["label", "pictures to train on", "mean share", "pictures to test on", "mean share"]
  const amount = (amount: number, pictures: number) => kind === "boxes" ? String(amount) : share(amount, pictures)
  const body = labels.slice(0, most).map(({ label, test: tested, train: trained }) =>
    row(escape(label), [
      cell(trained.pictures),
      cell(amount(trained.amount, train.pictures)),
      cell(tested.pictures),
      cell(amount(tested.amount, test.pictures))
    ])
  )
  const more = labels.length > most ? `<p class="note">${labels.length - most} more labels are in data.json.</p>` : ""
  return scrolling(
    "labels in both halves",
    `<table><caption>Labels <small>· ${train.pictures} pictures to train on, ${test.pictures} to test on</small>` +
      `</caption>${heads(names)}<tbody>${body.join("")}</tbody></table>`
  ) + more + `<p class="note">${
    kind === "boxes"
      ? "Pictures that have a box of the label."
      : "Pictures whose largest share is the label's, and the mean of its shares over all pictures."
  } All that was read; a preset may take only the first of them.</p>`
}

const twice = ({ both, contradicting, test }: Data): string => {
  const pairs = both.first.map(({ test, train }) =>
    `<li>${escape(test)} <small>(trained on as ${escape(train)})</small></li>`
  )
  const listed = both.count === 0
    ? `<p>No picture to test on has the bytes of one that is trained on.</p>`
    : `<p><strong>${both.count} of the ${test.pictures} pictures to test on are trained on, too</strong>: what is ` +
      `measured on them tells nothing of new pictures.</p><details class="words"><summary>Which</summary><ul>${
        pairs.join("")
      }${both.count > pairs.length ? `<li>and ${both.count - pairs.length} more</li>` : ""}</ul></details>`
  return listed + (contradicting === 0
    ? ""
    : `<p>${contradicting} pictures have the bytes of another with another label: one of the two is wrong.</p>`)
}

/** Pictures have their names beside. */
const placeOf = ({ row, unit = "row" }: Pick<Row, "row" | "unit">) => unit === "picture" ? "–" : `${unit} ${row}`

const asideOf = ({ counts, first }: SetAside): string => {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  if (total === 0) return ""
  const body = first.map((one) =>
    row(escape(one.source), [cell(placeOf(one)), cell(one.reason), `<td class="words">${escape(one.detail)}</td>`])
  )
  const reasons = [...counts].map(([reason, count]) => `${reason} ${count}`).join(", ")
  return `<h3>Set aside: ${total} (${escape(reasons)})</h3>` +
    scrolling(
      "rows that were set aside",
      `<table><caption>Rows <small>· ${
        first.length < total ? `the first ${first.length} of ${total}; all are in quarantine.jsonl` : `all ${total}`
      }</small></caption>${heads(["file", "place", "reason", "what was wrong"])}<tbody>${body.join("")}</tbody></table>`
    )
}

/** The section; empty where nothing is known. */
export const section = (data: Option.Option<Data>, aside: SetAside): string =>
  Option.match(data, { onNone: () => "", onSome: (data) => labelsOf(data) + twice(data) }) + asideOf(aside)
