/**
 * What a run asks an engine for, stage by stage: texts that it draws, sequences that it trains on. The pipelines count
 * the seconds of their stages at a pace; at one of a second for each, seconds are a number.
 */
import { type Line, lines, type Method, type Pace, type Presets, type Sizes } from "../../pipelines/index.ts"

const none: Pace = { drawnAlone: 0, drawnInGroup: 0, trained: 0, practised: 0 }
const drawing: Pace = { ...none, drawnAlone: 1000, drawnInGroup: 1000 }
const training: Pace = { ...none, trained: 1000 }

const row = (stage: string, what: string, drawn: string, trained: string): string =>
  `${stage.padEnd(24)}${what.padStart(16)}${drawn.padStart(14)}${trained.padStart(14)}`

const count = (n: number): string => n === 0 ? "–" : Math.round(n).toLocaleString("en-GB")

const what = ({ samples, steps }: Line): string => steps === undefined ? `${samples} pictures` : `${steps} steps`

/** At an engine nothing is asked once more under a grammar. */
const once = (line: Line): Line =>
  line.stage.endsWith("/evaluate") && line.samples !== undefined ? { ...line, seconds: line.samples } : line

/** A table of stages. */
export const workload = (
  preset: Presets.Preset,
  methods: ReadonlyArray<Method>,
  sizes: Sizes
): ReadonlyArray<string> => {
  const drawn = lines(preset, methods, sizes, drawing).map(once)
  const trained = lines(preset, methods, sizes, training)
  const sum = (all: ReadonlyArray<Line>) => all.reduce((n, { seconds }) => n + seconds, 0)
  return [
    row("", "", "texts drawn", "trained on"),
    ...drawn.map((line, i) => row(line.stage, what(line), count(line.seconds), count(trained[i]?.seconds ?? 0))),
    row("in all, about", "", count(sum(drawn)), count(sum(trained)))
  ]
}
