/**
 * A cell of the grid: one method on one task at one number of shots with one seed, under settings that depart from the
 * method's own.
 *
 * Each cell is a run folder. A cell whose first stages another cell does as well (the warm-up, RISE-CoT, the supervised
 * half of RISE-R1) names that cell as its parent and finds those stages finished (`Inherited`); its pipeline is the
 * whole one all the same. Settings count only where a method reads them, so that τ = 0.85 shares its D_RISE with τ =
 * 0.75.
 *
 * @module
 */
import type { Subset } from "../../data/index.ts"
import { filled, filledStage } from "../../dsl/stages/Settings.ts"
import * as Weighing from "../../dsl/stages/Weighing.ts"
import type { Preset } from "../../pipelines/Presets.ts"

/** Training samples per class: 4, 16, or "full" for all there are. */
export type Shots = Subset.Shots

/**
 * What is trained: `prior` (the mean annotation), `base` and `remote` as they are, `warmed` (the shared start), the
 * baselines, `RISE-CoT` (ends with D_RISE), supervised fine-tuning on all of D_RISE or on its better part, and the same
 * with reinforcement after it. `RISE` is `SFT high` with reinforcement.
 */
export const methods = [
  "prior",
  "base",
  "remote",
  "warmed",
  "SFT",
  "Visual-RFT",
  "RISE-CoT",
  "SFT full",
  "SFT high",
  "SFT full + RFT",
  "RISE"
] as const
/** One of `methods`. */
export type Method = typeof methods[number]

/** Departures from a method as the preset has it. */
export interface Settings {
  /**
   * Parts of eq. 1 that RISE-CoT is paid by; left out: all of them. Where the format is not paid for, it is not held
   * down by a format loss either; "no format loss" pays for it and does nothing else.
   */
  readonly reward?: "similarity" | "no leakage" | "no format" | "no format loss"
  /** Tokens of the closed loop that get credit; left out: reasoning and reconstruction. */
  readonly credit?: "reasoning" | "reconstruction"
  /** What eq. 6 divides by; left out: as the task has it. */
  readonly denominator?: "truth" | "max"
  /** τ; left out: the preset's. */
  readonly tau?: number
  /** Nothing is dropped below τ: a chain weighs its reward to this power (`FilterOptions.soft`); left out: τ drops. */
  readonly soft?: number
  /**
   * Whose chains teach; left out: RISE-CoT's own, on the weights that it trained. Where it is given, every source
   * teaches the same samples (those that RISE-CoT's rewards keep) on the same start, so that nothing differs but the
   * chains.
   */
  readonly chains?: "base" | "remote" | "RISE"
}

/** One training and evaluation of the grid. */
export interface Cell {
  /** Name of the task. */
  readonly task: string
  readonly shots: Shots
  /** Seed of every draw, the shots included. */
  readonly seed: number
  readonly method: Method
  /** Departures from the method; none for the method itself. */
  readonly settings: Settings
}

const ofCot = ["reward", "credit", "denominator", "chains"] as const
const ofR1 = [...ofCot, "tau", "soft"] as const

/** The settings that change what a method does, in the order in which they are written. */
const reads: Readonly<Record<Method, ReadonlyArray<keyof Settings>>> = {
  prior: [],
  base: [],
  remote: [],
  warmed: [],
  SFT: [],
  "Visual-RFT": ["denominator"],
  "RISE-CoT": ofCot,
  "SFT full": ofCot,
  "SFT high": ofR1,
  "SFT full + RFT": ofCot,
  RISE: ofR1
}

/** The cell with the settings that mean something to it: two cells that do the same are the same. */
export const make = (cell: Cell, preset: Preset): Cell => {
  const { settings } = cell
  const same: Partial<Record<keyof Settings, boolean>> = {
    tau: settings.tau === filledStage(preset.filter).tau,
    reward: settings.reward === "no format loss" && filled(preset.reinforce).format === 0
  }
  const differs = (name: keyof Settings) => settings[name] !== undefined && same[name] !== true
  return {
    ...cell,
    settings: Object.fromEntries(reads[cell.method].filter(differs).map((name) => [name, settings[name]]))
  }
}

/** "RISE", or "RISE, tau 0.85": names rows. */
export const label = ({ method, settings }: Pick<Cell, "method" | "settings">): string =>
  [method, ...Object.entries(settings).map(([name, value]) => `${name} ${value}`)].join(", ")

/** "emotion6/full/seed-0/RISE,tau-0.85": names the folder within the grid's. */
export const id = (cell: Cell): string =>
  [
    cell.task,
    cell.shots,
    `seed-${cell.seed}`,
    label(cell).replaceAll(" + ", "+").replaceAll(", ", ",").replaceAll(" ", "-")
  ].join("/")

/** The cells whose stages this one begins with. */
export const parents = (cell: Cell, preset: Preset): ReadonlyArray<Cell> => {
  const { settings } = cell
  const { chains, ...own } = settings
  const other = (method: Method, settings: Settings = {}) => make({ ...cell, method, settings }, preset)
  const start = preset.warmUp === undefined ? [] : [other("warmed")]
  switch (cell.method) {
    case "prior":
    case "base":
    case "remote":
    case "warmed":
      return []
    case "SFT":
    case "Visual-RFT":
      return start
    case "RISE-CoT":
      // A server knows nothing of our warm-up.
      return chains === "remote" ? [] : start
    case "SFT full":
    case "SFT high":
      return [
        ...(chains === "base" || chains === "remote" ? [other("RISE-CoT", settings)] : []),
        other("RISE-CoT", own)
      ]
    case "SFT full + RFT":
      return [other("SFT full", settings)]
    case "RISE":
      return [other("SFT high", settings)]
  }
}

/** Parents, their parents and so on, the nearest first, each once. */
export const ancestors = (cell: Cell, preset: Preset): ReadonlyArray<Cell> => {
  const found = new Map<string, Cell>()
  const visit = (children: ReadonlyArray<Cell>): void => {
    const next = children.flatMap((child) => parents(child, preset)).filter((parent) => !found.has(id(parent)))
    for (const parent of next) found.set(id(parent), parent)
    if (next.length > 0) visit(next)
  }
  visit([cell])
  return [...found.values()]
}

/** Parts of eq. 1, and whether texts that break the format are held down. */
const parts = {
  similarity: { validate: { leak: false, format: false }, held: false },
  "no leakage": { validate: { leak: false }, held: true },
  "no format": { validate: { format: false }, held: false },
  "no format loss": { validate: {}, held: false }
} as const

/** The preset as the cell's settings change it. */
export const presetOf = ({ settings: { chains, credit, reward, soft, tau } }: Cell, preset: Preset): Preset => ({
  ...preset,
  ...(reward === undefined ? {} : { validate: parts[reward].validate }),
  reinforce: {
    ...preset.reinforce,
    ...(credit === undefined ? {} : { credit }),
    ...(reward === undefined || parts[reward].held ? {} : { format: 0 })
  },
  filter: {
    ...(soft === undefined ? preset.filter : { ...Weighing.instead(preset.filter), soft }),
    ...(tau === undefined ? {} : { tau }),
    ...(chains === "base" || chains === "remote" ? { by: "RISE" } : {})
  }
})
