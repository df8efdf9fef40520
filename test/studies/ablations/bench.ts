// A small grid over the stub policy: what the tests of cells, grids and tables run.
import { Effect, Layer, Stream } from "effect"
import { Progress, silent } from "../../../src/dsl/Progress.ts"
import type { Preset } from "../../../src/pipelines/Presets.ts"
import { Grid, Subject } from "../../../src/studies/ablations/index.ts"
import * as Stub from "../../dsl/StubPolicy.ts"

export const preset: Preset = {
  name: "test",
  validation: 0.2,
  limit: { train: 60, test: 20 },
  warmUp: { share: 0.5, steps: 4, batchSize: 8, learningRate: 2 },
  generate: { candidates: 8 },
  reconstruct: {},
  reinforce: { steps: 6, promptsPerStep: 8, learningRate: 5, select: { every: 3 } },
  filter: { tau: 0.75 },
  sft: { steps: 5, batchSize: 8, learningRate: 3, select: { every: 5 } },
  rft: { steps: 5, promptsPerStep: 8, learningRate: 3, select: { every: 5 } },
  evaluate: { maxTokens: 32 }
}

/** The stub's task under the name and measure of the paper's first. */
export const task = {
  ...Stub.Mood,
  name: "emotion6",
  metrics: (Stub.Mood.metrics ?? []).map((metric) => ({ ...metric, name: "JSD" }))
}
export const train = Stub.data(90)
export const test = Stream.drop(Stub.data(90), 60)

const subject = Subject.make({
  name: "emotion6",
  source: "moods",
  measures: [{ name: "JSD", direction: "lower" }],
  shots: ["full"],
  sizes: { train: 90, test: 20, perShot: 3 },
  open: () => Effect.succeed({ task, train, test, cuesNamed: Stub.cuesNamed }),
  prior: () => Effect.succeed("joy" as const)
})

export const gridIn = (out: string, { remote = false, stub = {}, settings = preset }: {
  readonly stub?: Stub.Options
  readonly remote?: boolean
  readonly settings?: Preset
} = {}) => ({
  subjects: [subject],
  bench: {
    out,
    preset: settings,
    model: { name: "stub", policy: (seed: number) => Stub.layer({ seed, ...stub }) },
    ...(remote
      ? { remote: { name: "stub server", policy: (seed: number) => Stub.layer({ seed: seed + 100, ...stub }) } }
      : {})
  }
})

export const watch = { started: () => Effect.void, failed: () => Effect.void }

/** Runs what a selection asks for; returns the plan, the failures and what the policies were made to do. */
export const run = Effect.fnUntraced(function*(grid: ReturnType<typeof gridIn>, selection: Grid.Selection) {
  const cells = Grid.plan(grid, selection)
  return yield* Effect.gen(function*() {
    const failures = yield* Grid.run(grid, cells, watch)
    const { updates } = yield* Stub.Trace
    return { cells, failures, updates: updates.length }
  }).pipe(Effect.provide(Layer.merge(Stub.Trace.layer, Layer.succeed(Progress, silent))))
})
