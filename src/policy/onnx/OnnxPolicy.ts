/**
 * The live policy: a Hugging Face directory sampled, scored and trained through onnxruntime.
 *
 * @module
 */
import { Context, Effect, FileSystem, Layer, Option, Path } from "effect"
import { Image } from "../../kernels/image/index.ts"
import { Runtime, SharedPool } from "../../kernels/runtime/index.ts"
import { AdamW, LossGraphs, ParameterStore } from "../../kernels/train/index.ts"
import * as Beside from "../Beside.ts"
import { nameOf } from "../Embedded.ts"
import { failing } from "../failing.ts"
import { Policy, PolicyError, type Session, type UpdateOptions } from "../Policy.ts"
import * as Requests from "../Requests.ts"
import * as AdapterAlone from "./Adapters.ts"
import * as Checkpoint from "./Checkpoint.ts"
import type { PolicyContext } from "./Context.ts"
import * as Culprit from "./Culprit.ts"
import { formatDrafts, scored } from "./Drafts.ts"
import * as GrammarTables from "./GrammarTables.ts"
import * as Images from "./Images.ts"
import * as KlReference from "./KlReference.ts"
import * as Learn from "./Learn.ts"
import * as LossAndGradients from "./LossAndGradients.ts"
import * as MemoryLimit from "./MemoryLimit.ts"
import * as Model from "./Model.ts"
import type { Options } from "./Options.ts"
import type { Draft } from "./PackedBatches.ts"
import { PositionTable } from "./PackedSequences.ts"
import * as Rollouts from "./Rollouts.ts"
import * as Score from "./Score.ts"
import * as SessionCache from "./SessionCache.ts"
import * as Settings from "./Settings.ts"
import * as Snapshots from "./Snapshots.ts"

export { Adapters } from "./Adapters.ts"
export type { Options } from "./Options.ts"

/** What is kept of the memory that runs were fed from. */
const POOLED_BYTES = 64 * 1024 * 1024

const make = Effect.fnUntraced(function*(options: Options) {
  yield* Requests.checkAll("load", Settings.options, options, Settings.futile)
  const runtime = yield* Runtime.Runtime
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  if (runtime.device !== "cpu" && (options.quantize !== undefined || options.mapWeights === true)) {
    return yield* new PolicyError({
      operation: "load",
      reason: `${
        options.quantize === undefined ? "mapWeights" : "quantize"
      } is for the CPU, the device is ${runtime.device}: leave it out`
    })
  }
  // A GPU holds weights in its own memory: no file is mapped for it.
  const asked = { ...options, ...(runtime.device !== "cpu" && { mapWeights: false }) }
  const model = yield* Model.load(options.model, {
    ...asked,
    check: (config) =>
      options.plan === undefined
        ? Effect.void
        : MemoryLimit.within(config, { ...asked, ...options.plan, workers: runtime.workers }, options.plan.limit)
  })
  const { adapter, trained } = model
  const lora = adapter?.lora
  const sessions = yield* SessionCache.make
  const weights = { ...ParameterStore.tensors(model.store), ...(adapter && ParameterStore.tensors(adapter.store)) }
  const memory = SharedPool.make(POOLED_BYTES)
  const images = yield* Images.make({
    config: model.config,
    cut: model.preprocessor.cut,
    sessions,
    name: "policy",
    weights,
    lora,
    mapped: model.mapped,
    frozen: !model.towerTrained,
    memory
  })
  /** Weights so far, in this process: what was made of other ones is out of date. */
  let version = 0
  const context: PolicyContext = {
    model,
    runtime,
    sessions,
    images,
    memory,
    weights,
    version: () => version,
    packFrom: options.packFrom ?? Settings.defaults.packFrom,
    positions: new PositionTable(model.config),
    seed: options.seed,
    parameters: () => LossGraphs.parameterInputs(model.config, lora, undefined, model.mapped?.frozen),
    microBatch: options.microBatch ?? Settings.defaults.microBatch,
    microTokens: options.microTokens ?? Settings.defaults.microTokens,
    recompute: options.recompute ?? false,
    rolloutRows: options.rolloutRows ?? Settings.defaults.rolloutRows,
    decode: options.decode ?? (runtime.device === "webgpu" ? "step" : "loop")
  }
  const optimizer = yield* AdamW.make(trained, options.optimizer)
  const buffers: ReadonlyArray<LossAndGradients.GradientBuffers> = Array.from({ length: runtime.workers }, () => (
    { run: ParameterStore.trainableBuffer(trained), total: ParameterStore.trainableBuffer(trained) }
  ))
  let open = 0
  const reference = KlReference.make(context)

  const onDisk = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem | Path.Path>) =>
    effect.pipe(Effect.provideService(FileSystem.FileSystem, fileSystem), Effect.provideService(Path.Path, path))

  /** Names the weight that is no number, where one is. */
  const blaming = <A>(effect: Effect.Effect<A, PolicyError>) => onDisk(Culprit.named(model)(effect))

  const closed = (operation: PolicyError["operation"]) =>
    Effect.suspend(() =>
      open === 0 ? Effect.void : Effect.fail(
        new PolicyError({
          operation,
          reason: `${open} inference session(s) still open; rollouts would no longer be on-policy`
        })
      )
    )

  const session = Effect.acquireRelease(
    Effect.sync((): Session => {
      open++
      return {
        version,
        prepare: (image) =>
          Effect.map(model.preprocessor.fit(image), ({ height, pixels, width }) => ({
            image: images.once(Image.fitted(image.id, pixels)),
            width,
            height
          })),
        sample: (requests, sampling) => blaming(Rollouts.sample(context, requests, sampling)),
        logprobs: Effect.fn("Policy.logprobs")(function*(items) {
          if (items.length === 0) return []
          for (const [i, item] of items.entries()) {
            yield* Requests.check("logprobs", Requests.scoring, item, `item ${i}: `)
            yield* Requests.checkTokens("logprobs", model.config.vocabulary, item.tokens, `item ${i}: `)
            yield* GrammarTables.checkLength("logprobs", item, model.ends, item.tokens, `item ${i}: `)
          }
          const drafts = items.map(({ grammar, maxTokens, prompt, temperature = 1, tokens }): Draft => (
            {
              prompt,
              grammar,
              temperature,
              candidates: [
                scored(context, tokens, { grammar, maxTokens }, () => ({ weight: 0, advantage: 0, oldLogprob: 0 }))
              ]
            }
          ))
          const found = yield* Score.score(context, drafts, { weights, name: "policy", lora })
          return found.map((candidates) => candidates[0] ?? new Float32Array(0))
        }, (effect) => blaming(failing("logprobs")(effect)))
      }
    }),
    () =>
      Effect.sync(() => {
        open--
      })
  )

  const step = Effect.fnUntraced(
    function*(drafts: ReadonlyArray<Draft>, loss: Omit<LossAndGradients.LossOptions, "step">, update: UpdateOptions) {
      const result = yield* LossAndGradients.lossAndGradients(context, buffers, drafts, {
        ...loss,
        step: yield* optimizer.taken
      })
      const { gradNorm } = yield* optimizer.step(result.gradients, {
        learningRate: update.learningRate,
        ...(update.weightDecay === undefined ? {} : { weightDecay: update.weightDecay }),
        ...(update.clipNorm === undefined ? {} : { clipNorm: update.clipNorm })
      })
      version++
      yield* images.forget
      return { ...result, gradNorm }
    }
  )

  const learn = Learn.make(context, reference, step)

  const policy = Policy.of({
    session,
    beginStage: Effect.gen(function*() {
      yield* closed("update")
      yield* optimizer.reset
      yield* reference.hold
    }),
    update: (objective, update) =>
      blaming(
        failing("update")(Effect.gen(function*() {
          yield* closed("update")
          if (options.trainable === "none") {
            return yield* new PolicyError({
              operation: "update",
              reason: `trainable is "none": this policy is not trained`
            })
          }
          const count = objective._tag === "Supervised"
            ? objective.examples.length
            : objective.rollouts.length + formatDrafts(context, objective.format).drafts.length
          if (count === 0) {
            return yield* new PolicyError({
              operation: "update",
              reason: "there is nothing to learn from: the batch is empty"
            })
          }
          yield* Requests.check("update", Requests.update, update)
          yield* Requests.checkObjective(objective, model.config.vocabulary)
          const learned = yield* learn(objective, update)
          return { version, ...learned }
        }))
      ),
    endStage: Effect.gen(function*() {
      yield* closed("update")
      yield* optimizer.reset
      yield* reference.release
    }),
    snapshot: Effect.sync(() => Snapshots.copy(trained, version)),
    revert: (snapshot) =>
      failing("restore")(Effect.gen(function*() {
        yield* closed("restore")
        yield* Snapshots.takeBack(trained, snapshot)
        yield* optimizer.reset
        version++
        yield* images.forget
      })),
    saveSnapshot: (snapshot, directory) =>
      failing("checkpoint")(
        Effect.flatMap(
          Snapshots.weightsOf("checkpoint", snapshot),
          (weights) => onDisk(Checkpoint.writeSnapshot(directory, weights))
        )
      ),
    loadSnapshot: (directory) =>
      failing("restore")(
        onDisk(Effect.map(
          Checkpoint.readSnapshot(directory, trained),
          (weights): Snapshots.Kept => ({ version, weights })
        ))
      ),
    checkpoint: (directory) =>
      failing("checkpoint")(
        onDisk(Effect.flatMap(optimizer.live, (moments) =>
          Checkpoint.write(directory, {
            weights: trained.data,
            optimizer: moments,
            reference: reference.state()
          })))
      ),
    restore: (directory) =>
      failing("restore")(Effect.gen(function*() {
        yield* closed("restore")
        const state = yield* onDisk(Checkpoint.read(directory, trained))
        // Nothing of it is taken before all of it is read.
        yield* Effect.uninterruptible(Effect.gen(function*() {
          yield* optimizer.restore(state.optimizer)
          yield* reference.restore(state.reference)
          yield* ParameterStore.copyFrom(trained, state.weights)
          version++
          yield* images.forget
        }))
      })),
    save: (directory) => onDisk(Model.save(model, directory)),
    identity: {
      engine: "onnx",
      model: nameOf(options.model),
      trained: lora === undefined ? options.trainable ?? Settings.defaults.trainable : "adapter",
      ...(options.lora !== undefined &&
        { lora: "adapter" in options.lora ? options.lora.adapter : { ...options.lora } }),
      ...(options.quantize !== undefined && { quantize: options.quantize })
    },
    tokenizer: Option.some({
      encode: (text) => model.encoder.text(text),
      decode: (tokens) => model.tokenizer.decode(tokens, { skipSpecial: false }),
      vocabularySize: model.config.vocabulary,
      endOfTurn: model.endOfTurn,
      specials: model.specials
    })
  })
  const adapters = AdapterAlone.Adapters.of({
    save: (directory) =>
      onDisk(Effect.andThen(AdapterAlone.save(model, options.model, directory), Beside.write(policy, directory)))
  })
  return Context.make(Policy, policy).pipe(Context.add(AdapterAlone.Adapters, adapters))
})

/** Loads the model; sessions open as they are needed and close with the layer. */
export const layer = (
  options: Options
): Layer.Layer<Policy | AdapterAlone.Adapters, PolicyError, Runtime.Runtime | FileSystem.FileSystem | Path.Path> =>
  Layer.effectContext(make(options).pipe(failing("load")))
