/** What the text around a code block is about: types alone, nothing of it is run. */
import type { Effect, FileSystem, Layer, Path, Stream } from "effect"
import type { Dataset, Emotion6, Image, Pipelines, Policy, Rise, Run, Task } from "../../src/index.ts"

type Labels = typeof Emotion6.task extends Task.Task<infer A> ? A : never
type Samples = Dataset.Dataset<Labels, Dataset.DataError, FileSystem.FileSystem | Path.Path>

export declare const task: typeof Emotion6.task
export declare const data: Samples
export declare const train: Samples
export declare const test: Samples
export declare const sample: Task.Sample<Labels>
export declare const images: Stream.Stream<Image.Image>
export declare const pictures: Stream.Stream<Image.Image>
export declare const labels: ReadonlyArray<string>
export declare const file: string

export declare const start: Rise.Pipeline<"Sampled", Labels>
export declare const loop: Rise.ClosedLoop<"Validated", Labels>
export declare const curated: Rise.Pipeline<"Curated", Labels>
export declare const pipeline: Rise.Pipeline<"Strengthened", Labels, never, Policy.Policy | Run>

export declare const judge: <A>(
  truth: A,
  predicted: A,
  turn: Task.Turn<A>
) => Effect.Effect<number, Policy.PolicyError, Policy.Policy>

export declare const policy: Layer.Layer<Policy.Policy>
export declare const preset: Pipelines.Presets.Preset
export declare const program: Effect.Effect<void, never, Policy.Policy>
export declare const run: Effect.Effect<void>
