/**
 * The live policy: a Hugging Face directory sampled, scored and trained through onnxruntime.
 *
 * @module
 */
import { Context, Effect, FileSystem, Layer, Option, Path } from "effect"
import { Runtime } from "../../kernels/runtime/index.ts"
import { AdamW, LossGraphs, ParameterStore } from "../../kernels/train/index.ts"
import { type Objective, Policy, PolicyError, type Session, type Snapshot, type UpdateOptions } from "../Policy.ts"
import * as Adapter from "./Adapter.ts"
import * as Checkpoint from "./Checkpoint.ts"
import { failing, type PolicyContext } from "./Context.ts"
import { formatDrafts, packed, scored, supervisedDrafts } from "./Drafts.ts"
import * as Images from "./Images.ts"
import * as KlReference from "./KlReference.ts"
import * as LossAndGradients from "./LossAndGradients.ts"
import * as MemoryPlan from "./MemoryPlan.ts"
import * as Model from "./Model.ts"
import type { Options } from "./Options.ts"
import type { Draft } from "./PackedBatches.ts"
import { PositionTable } from "./PackedSequences.ts"
import * as Rollouts from "./Rollouts.ts"
import * as SessionCache from "./SessionCache.ts"
import * as Settings from "./Settings.ts"
import * as TokenWeights from "./TokenWeights.ts"

export type { Options } from "./Options.ts"

const PACK_FROM = [8e6, 4e8] as const

/** Weights kept in memory. */
interface Kept extends Snapshot {
  readonly weights: Float32Array
}

/** Access to the adapter alone. */
export class Adapters extends Context.Service<Adapters, {
  /** Writes a PEFT adapter as a new directory. (`Policy.save` writes the model with the adapter merged into it.) */
  readonly save: (directory: string) => Effect.Effect<void, PolicyError>
}>()("rise/Adapters") {}

const isKept = (snapshot: Snapshot): snapshot is Kept =>
  "weights" in snapshot && snapshot.weights instanceof Float32Array

const make = Effect.fnUntraced(function*(options: Options) {
  yield* Settings.check("load", Settings.options, options)
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
  const model = yield* Model.load(options.model, {
    ...options,
    ...(runtime.device !== "cpu" && { mapWeights: false }),
    check: (config) =>
      options.plan === undefined
        ? Effect.void
        : MemoryPlan.within(config, { ...options, ...options.plan, workers: runtime.workers }, options.plan.limit)
  })
  const { adapter, trained } = model
  const lora = adapter?.lora
  const sessions = yield* SessionCache.make
  const weights = { ...ParameterStore.tensors(model.store), ...(adapter && ParameterStore.tensors(adapter.store)) }
  const images = yield* Images.make({
    config: model.config,
    process: model.preprocessor.process,
    sessions,
    name: "policy",
    weights,
    lora,
    mapped: model.mapped,
    frozen: !model.towerTrained
  })
  let version = 0
  /** Weights so far: a version comes back with its checkpoint, what was made of other weights must not. */
  let changes = 0
  const context: PolicyContext = {
    model,
    runtime,
    sessions,
    images,
    weights,
    version: () => changes,
    packFrom: options.packFrom ?? PACK_FROM,
    positions: new PositionTable(model.config),
    seed: options.seed,
    parameters: () => LossGraphs.parameterInputs(model.config, lora, undefined, model.mapped?.frozen),
    microBatch: options.microBatch ?? 16,
    microTokens: options.microTokens ?? 16384,
    recompute: options.recompute ?? false,
    rolloutRows: options.rolloutRows ?? 128,
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
        sample: (requests, sampling) => Rollouts.sample(context, requests, sampling),
        logprobs: Effect.fn("Policy.logprobs")(function*(items) {
          if (items.length === 0) return []
          for (const [i, item] of items.entries()) {
            yield* Settings.check("logprobs", Settings.scoring, item, `item ${i}: `)
            yield* Settings.checkTokens("logprobs", model.config.vocabulary, item.tokens, `item ${i}: `)
          }
          const drafts = items.map(({ grammar, prompt, temperature = 1, tokens }): Draft => (
            {
              prompt,
              grammar,
              temperature,
              candidates: [scored(tokens, grammar, () => ({ weight: 0, advantage: 0, old: 0 }))]
            }
          ))
          const found = yield* LossAndGradients.score(context, drafts, { weights, name: "policy", lora })
          return found.map((candidates) => candidates[0] ?? new Float32Array(0))
        }, (effect) => failing("logprobs")(effect))
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
        weightDecay: update.weightDecay ?? 0.1,
        clipNorm: update.clipNorm ?? 1
      })
      version++
      changes++
      yield* images.forget
      return { ...result, gradNorm }
    }
  )

  const supervised = Effect.fnUntraced(function*(
    { examples, format }: Extract<Objective, { readonly _tag: "Supervised" }>,
    update: UpdateOptions
  ) {
    const { layers } = model.config
    const outside = examples.flatMap(({ auxiliary = [] }) => auxiliary).find(({ layer = 1 }) =>
      layer < 1 || layer >= layers
    )
    if (outside !== undefined) {
      return yield* new PolicyError({
        operation: "update",
        reason: `layer ${outside.layer} of an auxiliary target is none of the inner ones, 1 to ${
          layers - 1
        }; leave it out for the last`
      })
    }
    const drafts = supervisedDrafts(context, examples)
    const parts = drafts.flatMap(({ auxiliary = [], candidates }) => [...auxiliary, ...candidates.flat()])
    if (parts.every(({ weight }) => weight === 0)) {
      const reason = "there is nothing to learn from: every target weighs 0"
      return yield* new PolicyError({ operation: "update", reason })
    }
    const held = formatDrafts(format)
    const { format: heldLoss, gradNorm, loss } = yield* step([...drafts, ...held.drafts], {
      kind: "supervised",
      knobs: {}
    }, update)
    const tokens = drafts.reduce((n, { candidates }) => n + candidates.reduce((m, c) => m + c.length, 0), 0)
    return { version, loss, gradNorm, kl: 0, clipFraction: 0, tokens, ...held.stats(heldLoss) }
  })

  const groupRelative = Effect.fnUntraced(
    function*(objective: Extract<Objective, { readonly _tag: "GroupRelative" }>, update: UpdateOptions) {
      const { clip, format, innerUpdates, kl, loss, maxTokens, rollouts } = objective
      const weight = TokenWeights.groupRelative(
        loss,
        rollouts.map(({ completion }) => completion.tokens.length),
        maxTokens
      )
      const drafts = packed(
        rollouts,
        rollouts.map(({ advantage, completion, grammar }, i) =>
          scored(
            completion.tokens,
            grammar,
            (k) => ({ weight: weight[i] ?? 0, advantage, old: completion.logprobs[k] ?? 0 })
          )
        )
      )
      const scoredReference = kl > 0 && reference.held() && drafts.length > 0
        ? yield* reference.score(drafts)
        : undefined
      const tokens = rollouts.reduce((n, { completion }) => n + completion.tokens.length, 0)
      const lossOptions: Omit<LossAndGradients.LossOptions, "step"> = {
        kind: "groupRelative",
        knobs: {
          clipLow: 1 - clip.low,
          clipHigh: 1 + clip.high,
          klCoefficient: scoredReference === undefined ? 0 : kl
        },
        ...(scoredReference && { reference: scoredReference })
      }
      const held = formatDrafts(format)
      const all = [...drafts, ...held.drafts]
      let last = yield* step(all, lossOptions, update)
      for (let i = 1; i < innerUpdates; i++) last = yield* step(all, lossOptions, update)
      return {
        version,
        loss: last.loss,
        gradNorm: last.gradNorm,
        kl: scoredReference === undefined ? 0 : (last.metrics["kl"] ?? 0) / Math.max(1, tokens),
        clipFraction: (last.metrics["clipped"] ?? 0) / Math.max(1, tokens),
        tokens,
        ...held.stats(last.format)
      }
    }
  )

  const policy = Policy.of({
    session,
    beginStage: Effect.gen(function*() {
      yield* closed("update")
      yield* optimizer.reset
      yield* reference.hold
    }),
    update: (objective, update) =>
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
          : objective.rollouts.length + formatDrafts(objective.format).drafts.length
        if (count === 0) {
          return yield* new PolicyError({
            operation: "update",
            reason: "there is nothing to learn from: the batch is empty"
          })
        }
        yield* Settings.check("update", Settings.update, update)
        yield* Settings.checkObjective(objective, model.config.vocabulary)
        return objective._tag === "Supervised"
          ? yield* supervised(objective, update)
          : yield* groupRelative(objective, update)
      })),
    endStage: Effect.gen(function*() {
      yield* closed("update")
      yield* optimizer.reset
      yield* reference.release
    }),
    snapshot: Effect.sync((): Kept => ({ version, weights: Float32Array.from(trained.data) })),
    revert: (snapshot) =>
      failing("restore")(Effect.gen(function*() {
        yield* closed("restore")
        if (!isKept(snapshot)) {
          return yield* new PolicyError({ operation: "restore", reason: "the snapshot is of another engine" })
        }
        yield* ParameterStore.copyFrom(trained, snapshot.weights)
        yield* optimizer.reset
        version++
        changes++
        yield* images.forget
      })),
    checkpoint: (directory) =>
      failing("checkpoint")(
        onDisk(Effect.flatMap(optimizer.state, (moments) =>
          Checkpoint.write(directory, {
            version,
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
          version = state.version
          changes++
          yield* images.forget
        }))
      })),
    save: (directory) => onDisk(Model.save(model, directory)),
    tokenizer: Option.some({
      encode: (text) => model.encoder.text(text),
      vocabularySize: model.config.vocabulary,
      endOfTurn: model.endOfTurn,
      specials: model.specials
    })
  })
  const adapters = Adapters.of({
    save: (directory) =>
      adapter === undefined
        ? Effect.fail(
          new PolicyError({
            operation: "save",
            reason: "this policy has no adapter; give lora when it is made, or save the model itself"
          })
        )
        : onDisk(Adapter.save(model.config, adapter, options.model, directory))
  })
  return Context.make(Policy, policy).pipe(Context.add(Adapters, adapters))
})

/** Loads the model; sessions open as they are needed and close with the layer. */
export const layer = (
  options: Options
): Layer.Layer<Policy | Adapters, PolicyError, Runtime.Runtime | FileSystem.FileSystem | Path.Path> =>
  Layer.effectContext(make(options).pipe(failing("load")))
