/**
 * What the data are: labels in both halves, rows that were set aside, pictures that are there twice.
 */
import { Option } from "effect"
import type { Row } from "../../dsl/Quarantine.ts"
import { inPercent } from "../../kernels/text/inPercent.ts"
import type { Data } from "../data.ts"
import { cell, escape, heads, prose, row, scrolling, text, words } from "./Html.ts"

/** Labels and rows in a table. */
const most = 200

/** What a report knows of rows that were set aside. */
export interface SetAside {
  readonly counts: ReadonlyMap<string, number>
  /** The first of them. */
  readonly first: ReadonlyArray<Pick<Row, "source" | "row" | "unit" | "reason" | "detail">>
}

const share = (part: number, of: number): string => of === 0 ? "–" : `${inPercent(part / of, 1)}%`

const labelsOf = (data: Data): string => {
  const { kind, labels } = data
  if (labels.length === 0) return ""
  // A run that trains nothing knows nothing of pictures to train on.
  const halves = ([["train", "pictures to train on"], ["test", "pictures to test on"]] as const)
    .filter(([half]) => data[half].pictures > 0)
  const names = ["label", ...halves.flatMap(([, name]) => [name, kind === "boxes" ? "boxes" : "mean share"])]
  const amount = (amount: number, pictures: number) => kind === "boxes" ? String(amount) : share(amount, pictures)
  const body = labels.slice(0, most).map((one) =>
    row(
      escape(one.label),
      halves.flatMap(([half]) => [
        cell(one[half].pictures),
        cell(amount(one[half].amount, data[half].pictures))
      ])
    )
  )
  const more = labels.length > most ? `<p class="note">${labels.length - most} more labels are in data.json.</p>` : ""
  const counts = halves.map(([half, name], i) =>
    `${data[half].pictures} ${i === 0 ? name : name.replace("pictures ", "")}`
  )
  return scrolling(
    halves.length === 1 ? "labels" : "labels in both halves",
    `<table><caption>Labels <small>· ${counts.join(", ")}</small>` +
      `</caption>${heads(names)}<tbody>${body.join("")}</tbody></table>`
  ) + more + `<p class="note">${
    kind === "boxes"
      ? "Pictures that have a box of the label."
      : "Pictures whose largest share is the label's (where several tie, each of them counts the picture), and the " +
        "mean of its shares over all pictures. A tie that the data themselves round to whole percents, such as 33, " +
        "33 and 34, is none."
  } All that was read; a preset may take only the first of them.</p>`
}

const betweenHalves = ({ both, test, train }: Data): string => {
  if (test.pictures === 0) return ""
  if (train.pictures === 0) {
    return "<p>This run trained on nothing. Where it is known that the model was trained on some of these pictures, " +
      "a note says so.</p>"
  }
  if (both.count === 0) return `<p>No picture to test on has the bytes of one that is trained on.</p>`
  const pairs = both.first.map(({ test, train }) =>
    `<li>${escape(test)} <small>(trained on as ${escape(train)})</small></li>`
  )
  return `<p><strong>${both.count} of the ${test.pictures} pictures to test on are trained on, too</strong>: what is ` +
    `measured on them tells nothing of new pictures.</p><details class="words"><summary>Which</summary><ul>${
      pairs.join("")
    }${both.count > pairs.length ? `<li>and ${both.count - pairs.length} more</li>` : ""}</ul></details>`
}

const twice = (data: Data): string =>
  betweenHalves(data) + (data.contradicting === 0
    ? ""
    : `<p>${data.contradicting} pictures have the bytes of another with another label: one of the two is wrong.</p>`)

/** Pictures have their names beside. */
const placeOf = ({ row, unit = "row" }: Pick<Row, "row" | "unit">) => unit === "picture" ? "" : `${unit} ${row}`

const asideOf = ({ counts, first }: SetAside): string => {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  if (total === 0) return ""
  const placed = first.some((one) => placeOf(one) !== "")
  const body = first.map((one) =>
    row(escape(one.source), [...(placed ? [text(placeOf(one))] : []), text(one.reason), words(one.detail)])
  )
  const names = ["file", ...(placed ? ["place"] : []), "reason", "what was wrong"]
  const reasons = [...counts].map(([reason, count]) => `${reason} ${count}`).join(", ")
  return `<h3>Set aside: ${total} (${escape(reasons)})</h3>` +
    scrolling(
      "rows that were set aside",
      `<table class="rows"><caption>Rows <small>· ${
        first.length < total ? `the first ${first.length} of ${total}; all are in quarantine.jsonl` : `all ${total}`
      }</small></caption>${heads(names, names.slice(1))}<tbody>${body.join("")}</tbody></table>`
    )
}

const readAs = (lines: ReadonlyArray<string>): string =>
  lines.length === 0 ?
    "" :
    `<p>How they were read:</p><ul>${lines.map((line) => `<li>${prose(line)}</li>`).join("")}</ul>`

/** The section; empty where nothing is known. */
export const section = (data: Option.Option<Data>, aside: SetAside, read: ReadonlyArray<string>): string =>
  Option.match(data, { onNone: () => "", onSome: (data) => labelsOf(data) + twice(data) }) + readAs(read) +
  asideOf(aside)
