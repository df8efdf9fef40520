/**
 * Trains the embedded checkpoint from random weights on the keyed corpus: plain supervised learning, data-parallel over
 * the runtime's workers.
 *
 * The whole state (weights, moments, step) is written as it goes, so a stopped run goes on where it was and ends with
 * the same bytes.
 */
import { Effect, FileSystem, Layer, Option, Path, Schema } from "effect"
import * as Atlas from "../../src/data/scenes/Atlas.ts"
import * as Atomic from "../../src/dsl/Atomic.ts"
import { Event, Progress } from "../../src/dsl/Progress.ts"
import * as RunLock from "../../src/dsl/RunLock.ts"
import { gradientFigures } from "../../src/dsl/stages/Train.ts"
import { Config, Initialize } from "../../src/kernels/models/index.ts"
import { Runtime } from "../../src/kernels/runtime/index.ts"
import { Schedule } from "../../src/kernels/train/index.ts"
import { ModelDirectory, Safetensors } from "../../src/kernels/weights/index.ts"
import { Objective, OnnxPolicy, Policy } from "../../src/policy/index.ts"
import * as Corpus from "./Corpus.ts"

/** One rise and fall of the learning rate (Loshchilov & Hutter 2017: cosine with warm restarts). */
export interface Cycle {
  readonly steps: number
  readonly peak: number
  /** Steps of linear warm-up. */
  readonly warmup: number
}

export interface Options {
  /** Directory with configuration and tokenizer: what is trained. Its weights, if any, are not read. */
  readonly architecture: string
  /** A checkpoint of the same shapes to begin from, all but the decoder's queries and keys. Default: random weights. */
  readonly start?: string
  /** What the corpus consists of. */
  readonly mixture: Corpus.Mixture
  /** Where the state is kept and the finished model is written (`model/`). */
  readonly out: string
  readonly seed: number
  /** Learning rate cycles, one after the other. */
  readonly cycles: ReadonlyArray<Cycle>
  readonly batchSize: number
  /** Steps between two writings of the state. */
  readonly saveEvery: number
}

const shared = { batchSize: 48, saveEvery: 250 }

/** How each embedded checkpoint is made. */
export const recipes = {
  "scene-vl": {
    ...shared,
    architecture: "assets/scene-vl",
    mixture: "names",
    seed: 1,
    cycles: [{ steps: 6000, peak: 2e-3, warmup: 200 }, { steps: 2500, peak: 1.2e-3, warmup: 50 }]
  },
  "scene-vl-places": {
    ...shared,
    architecture: "assets/scene-vl-places",
    start: "assets/scene-vl",
    mixture: "places",
    seed: 2,
    cycles: [{ steps: 5000, peak: 2e-3, warmup: 100 }]
  }
} as const satisfies Record<string, Omit<Options, "out">>

/** Learning rate of every step of the cycles. */
const scheduleOf = (cycles: ReadonlyArray<Cycle>): Schedule.Schedule => {
  const parts = cycles.map(({ peak, steps: total, warmup }) => ({
    total,
    rate: Schedule.cosine({ peak, warmup, total, floor: peak / 100 })
  }))
  return (step) => {
    let at = step
    for (const { rate, total } of parts) {
      if (at < total) return rate(at)
      at -= total
    }
    return 0
  }
}

const MICRO_BATCH = 12

const Done = Schema.fromJsonString(Schema.Struct({ step: Schema.Int }))

/**
 * Where a run keeps how far it is: two checkpoints by turns, and the file that says which is whole and after how many
 * steps.
 */
const placesOf = Effect.fnUntraced(function*(out: string) {
  const path = yield* Path.Path
  return {
    done: path.join(out, "done.json"),
    checkpoint: (step: number) => path.join(out, "checkpoints", `step-${step}`)
  }
})

const writeState = Effect.fnUntraced(function*(out: string, step: number) {
  const fs = yield* FileSystem.FileSystem
  const { checkpoint, done } = yield* placesOf(out)
  const before = yield* stepsDone(out)
  yield* (yield* Policy).checkpoint(checkpoint(step))
  yield* Atomic.writeText(done, yield* Schema.encodeEffect(Done)({ step }))
  if (before > 0 && before !== step) yield* fs.remove(checkpoint(before), { recursive: true, force: true })
})

const stepsDone = Effect.fnUntraced(function*(out: string) {
  const fs = yield* FileSystem.FileSystem
  const { done } = yield* placesOf(out)
  if (!(yield* fs.exists(done))) return 0
  return (yield* Effect.flatMap(fs.readFileString(done), Schema.decodeUnknownEffect(Done))).step
})

/** Steps done by an earlier run; its state is put back. */
const resume = Effect.fnUntraced(function*(out: string) {
  const step = yield* stepsDone(out)
  const { checkpoint } = yield* placesOf(out)
  if (step > 0) yield* (yield* Policy).restore(checkpoint(step))
  return step
})

/**
 * Weights of a checkpoint by the names of `fresh`; the decoder's queries and keys stay fresh, for the angles they met
 * have changed.
 */
const begunFrom = Effect.fnUntraced(function*(directory: string, fresh: ReadonlyArray<Initialize.NamedTensor>) {
  const { tensors } = yield* ModelDirectory.open(directory)
  return yield* Effect.forEach(
    fresh,
    Effect.fnUntraced(function*(tensor) {
      const at = tensors.get(tensor.name)
      const kept = at !== undefined && !/^model\.layers\.\d+\.self_attn\.[qk]_proj\./.test(tensor.name)
      return kept ? { ...tensor, data: yield* Safetensors.readFloat32(at.header, tensor.name) } : tensor
    })
  )
})

/** Writes the weights to begin with beside the architecture's files, once. */
const initialModel = Effect.fnUntraced(function*(options: Options) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const target = path.join(options.out, "initial")
  if (yield* fs.exists(target)) return target
  const json: unknown = yield* Effect.flatMap(
    fs.readFileString(path.join(options.architecture, "config.json")),
    Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))
  )
  const config = yield* Config.fromJson(json)
  const random = Initialize.random(config, options.seed)
  const weights = options.start === undefined ? random : yield* begunFrom(options.start, random)
  yield* ModelDirectory.save(target, { from: options.architecture }, weights, { dtype: "F16" })
  return target
})

const train = Effect.fnUntraced(function*(options: Options) {
  const { batchSize, cycles, mixture, out, saveEvery, seed } = options
  const steps = cycles.reduce((n, cycle) => n + cycle.steps, 0)
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  const policy = yield* Policy
  const progress = yield* Progress
  const corpus = Corpus.make({ atlas: yield* Atlas.load, encode: Option.getOrThrow(policy.tokenizer).encode })
  const rate = scheduleOf(cycles)
  const done = yield* resume(out)
  yield* progress.report(Event.Started({ stage: "pretrain", total: steps, unit: "steps", done }))
  for (let step = done; step < steps; step++) {
    const examples = Array.from({ length: batchSize }, (_, i) => corpus.example(seed, step * batchSize + i, mixture))
    const stats = yield* policy.update(Objective.Supervised({ examples }), {
      learningRate: rate(step),
      weightDecay: 0.05
    })
    yield* progress.report(Event.Step({
      stage: "pretrain",
      step: step + 1,
      tokens: stats.tokens,
      figures: { loss: stats.loss, ...gradientFigures(stats), rate: rate(step) }
    }))
    if ((step + 1) % saveEvery === 0 || step + 1 === steps) yield* writeState(out, step + 1)
  }
  const target = path.join(out, "model")
  yield* fs.remove(target, { recursive: true, force: true })
  yield* policy.save(target)
  yield* progress.report(Event.Finished({ stage: "pretrain", note: `written to ${target}` }))
  return target
})

/** Runs or resumes pretraining and returns the directory of the finished model. The folder is held meanwhile. */
export const run = Effect.fn("pretrain")(function*(options: Options) {
  yield* (yield* FileSystem.FileSystem).makeDirectory(options.out, { recursive: true })
  yield* RunLock.hold(options.out)
  const model = yield* initialModel(options)
  return yield* train(options).pipe(Effect.provide(
    OnnxPolicy.layer({
      model,
      seed: options.seed,
      trainable: "all",
      microBatch: MICRO_BATCH,
      optimizer: { beta2: 0.98 }
    }).pipe(
      Layer.provideMerge(Runtime.layer())
    )
  ))
}, Effect.scoped)
