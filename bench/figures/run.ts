/**
 * Lines of `npm run -s bench` as the table of docs/benchmarks.md: `node bench/figures/run.ts FILE…`.
 *
 * Lines of one name and shape are runs of one bench: where there are several, the table has the least and the greatest.
 * A further peer has a row of its own.
 */
import { readFileSync } from "node:fs"
import type { Compared, Line } from "../harness/Contest.ts"

const lines = process.argv.slice(2).flatMap((file) =>
  readFileSync(file, "utf8").split("\n").filter((line) => line.startsWith("{\"name\"")).map((line) =>
    JSON.parse(line) as Line
  )
)

/** What a row is of: a bench, against one of its peers. */
const rows = lines.flatMap((line) => [line, ...line.others ?? []].map((compared: Compared) => ({ line, compared })))

const short = (value: number) => value >= 1000 ? Math.round(value).toLocaleString("en") : String(value)
const range = (values: ReadonlyArray<number>) => {
  const [least, greatest] = [Math.min(...values), Math.max(...values)].map((value) => Number(value.toPrecision(3)))
  return least === greatest ? short(least ?? 0) : `${short(least ?? 0)} to ${short(greatest ?? 0)}`
}
const given = (values: ReadonlyArray<number | null | undefined>) =>
  values.filter((value): value is number => typeof value === "number")
const cell = (values: ReadonlyArray<number | null | undefined>, unit = "") => {
  const known = given(values)
  return known.length === 0 ? "" : `${range(known)}${unit}`
}

/** Without threads and ways: those are chosen anew in every run. */
const peerKind = (name: string | null) => name?.replace(/, \d+ threads?/, "") ?? ""

const groups = Map.groupBy(
  rows,
  ({ compared, line }) =>
    JSON.stringify([line.name, line.shape.split("; ours")[0], compared === line ? "" : peerKind(compared.peer_name)])
)

process.stdout.write("| name | ours | peer | ratio | peak: ours, peer |\n| --- | --- | --- | --- | --- |\n")
for (const group of groups.values()) {
  const { compared, line } = group[0] ?? {}
  if (line === undefined || compared === undefined) continue
  const peaks = (of: (row: typeof group[number]) => string) =>
    cell(group.map((row) => row.line.told?.[of(row)]?.peak_gib), " GiB")
  const [own, theirs] = [peaks(() => "ours"), peaks(({ compared }) => compared.peer_name ?? "")]
  const peer = cell(group.map(({ compared }) => compared.peer), ` ${line.unit}`)
  const cells = [
    `\`${line.name}\` ${line.shape.split(";")[0]}`,
    cell(group.map(({ line }) => line.ours), ` ${line.unit}`),
    peer === "" ? "" : `${peer} (${peerKind(compared.peer_name)})`,
    cell(group.map(({ compared }) => compared.ratio)),
    // Where ours has no process of its own there is nothing to compare.
    own === "" ? "" : [own, theirs].filter((text) => text !== "").join(", ")
  ]
  process.stdout.write(`| ${cells.join(" | ")} |\n`)
}
