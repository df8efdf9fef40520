/**
 * The tables of the paper's experiments as data: which cells stand in which row, and what the paper reports there.
 *
 * Figures of the paper are those of its Table 1 and of its text; those of Tables 2 to 6 are not known here. Win rates
 * are shares here, percents there. Rows and columns that the paper has not (the prior, the warmed start, what the
 * chains are worth, credit, denominators) are this project's.
 *
 * @module
 */
import type { Preset } from "../../pipelines/Presets.ts"
import type { Cell, Method, Settings, Shots } from "./Cell.ts"
import * as Cells from "./Cell.ts"

/** What a column shows of each row's cell. */
export interface Column {
  /** Name of the task. */
  readonly task: string
  /** Shots that its cells are trained with. */
  readonly shots: Shots
  /** A metric of results.json, or "win rate": against RISE of the same task, shots and seed. */
  readonly metric: string
  /** "train": of the chains that the row learned from. Default: of the whole test half. */
  readonly part?: "all" | "train"
  /** "lower": less is better. Default "higher". */
  readonly direction?: "lower" | "higher"
}

/** A method, under settings, as a row of a table. */
export interface Row {
  /** Name of the row. */
  readonly label: string
  readonly method: Method
  /** Departures from the method. Default: none. */
  readonly settings?: Settings
  /** The only shots at which the row is run: what is not trained has no others. */
  readonly shots?: Shots
  /** The paper's figures, by `columnKey`. */
  readonly paper?: Readonly<Record<string, number>>
}

/** A table of the paper, or of this project, before anything is measured. */
export interface Table {
  /** "1" to "6" are the paper's. */
  readonly id: string
  /** Heading. */
  readonly title: string
  readonly columns: ReadonlyArray<Column>
  readonly rows: ReadonlyArray<Row>
}

/** "emotion6/full/JSD": names a column, for figures of the paper. */
export const columnKey = ({ metric, part, shots, task }: Column): string =>
  [task, shots, metric, ...(part === undefined ? [] : [part])].join("/")

const paperShots = [4, 16, "full"] as const
const everyShot = (task: string, metric: string, direction?: "lower") =>
  paperShots.map((shots): Column => ({ task, shots, metric, ...(direction === undefined ? {} : { direction }) }))

const emotion6 = "emotion6"
const lisa = "lisa"
const map = "mAP@0.5"

const full = {
  jsd: { task: emotion6, shots: "full", metric: "JSD", direction: "lower" },
  wins: { task: emotion6, shots: "full", metric: "win rate" },
  lisa: { task: lisa, shots: "full", metric: map },
  kept: { task: emotion6, shots: "full", metric: "kept share", part: "train" },
  reward: { task: emotion6, shots: "full", metric: "reward", part: "train" },
  grounded: { task: emotion6, shots: "full", metric: "cue precision", part: "train" },
  lisaKept: { task: lisa, shots: "full", metric: "kept share", part: "train" }
} as const satisfies Record<string, Column>

type Printed = ReadonlyArray<number | null>

const printed = (task: string, metric: string, values: Printed) =>
  paperShots.flatMap((shots, i) => {
    const value = values[i] ?? null
    return value === null ? [] : [[columnKey({ task, shots, metric }), value] as const]
  })

/** Figures of one row of Table 1, at 4, 16 and all shots; null where the paper has none. */
const table1 = (jsd: Printed, wins: Printed, boxes: Printed) =>
  Object.fromEntries([
    ...printed(emotion6, "JSD", jsd),
    ...printed(emotion6, "win rate", wins),
    ...printed(lisa, map, boxes)
  ])

const unlabelled = [null, null] as const

const baselines = (remote: string): ReadonlyArray<Row> => [
  { label: "prior (mean annotation)", method: "prior", shots: "full" },
  { label: "Base-Model", method: "base", shots: "full" },
  { label: remote, method: "remote", shots: "full" },
  { label: "shared start", method: "warmed", shots: "full" },
  { label: "SFT", method: "SFT" },
  { label: "Visual-RFT", method: "Visual-RFT" },
  { label: "RISE", method: "RISE" }
]

const published: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "Base-Model": table1([...unlabelled, 0.47], [...unlabelled, 0.0067], [...unlabelled, 0.102]),
  "remote (GPT-4o)": table1([...unlabelled, 0.106], [...unlabelled, 0.3401], [...unlabelled, 0.002]),
  SFT: table1([0.22, 0.308, 0.112], [0.0623, 0.032, 0.3114], [0.2, 0.204, 0.367]),
  "Visual-RFT": table1([0.191, 0.222, 0.126], [0.1667, 0.1212, 0.1633], [0.13, 0.246, 0.395]),
  RISE: table1([0.168, 0.133, 0.071], [null, null, null], [0.195, 0.271, 0.404])
}

/** The grid: one list of cells per table. */
export const all: ReadonlyArray<Table> = [
  {
    id: "1",
    title: "Table 1: complex tasks",
    columns: [...everyShot(emotion6, "JSD", "lower"), ...everyShot(emotion6, "win rate"), ...everyShot(lisa, map)],
    rows: baselines("remote (GPT-4o)").map((row) => {
      const paper = published[row.label]
      return paper === undefined ? row : { ...row, paper }
    })
  },
  {
    id: "2",
    title: "Table 2: simple tasks",
    columns: [...everyShot("imagenet-sub", "accuracy"), ...everyShot("coco-sub", map)],
    rows: baselines("remote (GPT-4o)")
  },
  {
    id: "3",
    title: "Table 3: whose chains teach",
    columns: [full.jsd, full.wins, full.grounded, full.lisa],
    rows: [
      { label: "Base-Model-CoT", method: "RISE", settings: { chains: "base" } },
      { label: "remote CoT (GPT-4o)", method: "RISE", settings: { chains: "remote" } },
      { label: "RISE-CoT", method: "RISE", settings: { chains: "RISE" } }
    ]
  },
  {
    id: "4",
    title: "Table 4: SFT and RFT in RISE-R1",
    columns: [full.jsd, full.wins, full.lisa],
    rows: [
      { label: "SFT full", method: "SFT full" },
      { label: "SFT high", method: "SFT high" },
      { label: "RFT (Visual-RFT)", method: "Visual-RFT" },
      { label: "SFT full + RFT", method: "SFT full + RFT" },
      { label: "SFT high + RFT (RISE)", method: "RISE" }
    ]
  },
  {
    id: "5",
    title: "Table 5: parts of RISE-CoT's reward",
    columns: [full.jsd, full.wins, full.reward, full.grounded, full.lisa],
    rows: [
      { label: "full reward (RISE)", method: "RISE" },
      { label: "similarity only", method: "RISE", settings: { reward: "similarity" } },
      { label: "no leakage term", method: "RISE", settings: { reward: "no leakage" } },
      { label: "no format term", method: "RISE", settings: { reward: "no format" } },
      // Ours: the term alone, without the loss that holds the format down.
      { label: "no format loss", method: "RISE", settings: { reward: "no format loss" } }
    ]
  },
  {
    id: "6",
    title: "Table 6: the threshold τ",
    columns: [full.jsd, full.wins, full.kept, full.lisa, full.lisaKept],
    rows: [
      { label: "τ = 0.65", method: "RISE", settings: { tau: 0.65 } },
      {
        label: "τ = 0.75",
        method: "RISE",
        settings: { tau: 0.75 },
        paper: { [columnKey(full.kept)]: 0.41, [columnKey(full.lisaKept)]: 0.66 }
      },
      { label: "τ = 0.85", method: "RISE", settings: { tau: 0.85 } }
    ]
  },
  {
    id: "soft",
    title: "Soft: chains weighted by what they earned, none dropped",
    columns: [full.jsd, full.wins, full.lisa],
    rows: [
      { label: "τ = 0.75 (RISE)", method: "RISE" },
      { label: "weight r", method: "RISE", settings: { soft: 1 } },
      { label: "weight 1 (SFT full + RFT)", method: "SFT full + RFT" }
    ]
  },
  {
    id: "credit",
    title: "Credit: which tokens of the closed loop RISE-CoT trains",
    columns: [full.jsd, full.wins, full.reward, full.grounded, full.lisa],
    rows: [
      { label: "joint (RISE)", method: "RISE" },
      { label: "reasoning only", method: "RISE", settings: { credit: "reasoning" } },
      { label: "reconstruction only", method: "RISE", settings: { credit: "reconstruction" } }
    ]
  },
  {
    id: "denominator",
    title: "Denominator: what eq. 6 divides by",
    columns: ["lisa", "coco-sub"].map((task) => ({ task, shots: "full", metric: map } as const)),
    rows: (["truth", "max"] as const).flatMap((denominator): ReadonlyArray<Row> => [
      { label: `Visual-RFT, ${denominator}`, method: "Visual-RFT", settings: { denominator } },
      { label: `RISE, ${denominator}`, method: "RISE", settings: { denominator } }
    ])
  }
]

/** The cell of a row in a column, if the row is run at these shots. */
export const cellOf = (
  row: Row,
  { shots, task }: Pick<Column, "shots" | "task">,
  seed: number,
  preset: Preset
): Cell | undefined =>
  row.shots !== undefined && row.shots !== shots
    ? undefined
    : Cells.make({ task, shots, seed, method: row.method, settings: row.settings ?? {} }, preset)

/** What win rates are counted against. */
export const referenceOf = ({ seed, shots, task }: Pick<Cell, "seed" | "shots" | "task">): Cell => ({
  task,
  shots,
  seed,
  method: "RISE",
  settings: {}
})

/** All cells of a table, with those that its win rates need. */
export const cellsOf = (table: Table, seeds: ReadonlyArray<number>, preset: Preset): ReadonlyArray<Cell> =>
  seeds.flatMap((seed) =>
    table.columns.flatMap((column) =>
      table.rows.flatMap((row) => {
        const cell = cellOf(row, column, seed, preset)
        return cell === undefined ? [] : column.metric === "win rate" ? [cell, referenceOf(cell)] : [cell]
      })
    )
  )
