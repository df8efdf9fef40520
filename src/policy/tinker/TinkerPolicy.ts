/**
 * A policy that is trained and sampled at an engine which speaks the Tinker protocol: the hosted one, or SkyRL and
 * others on GPUs of one's own. Tokens, objectives and gradients of losses are made here, forward and backward passes
 * there.
 *
 * @module
 */
import { Context, Effect, FileSystem, Layer, Option, Path, type Scope } from "effect"
import { HttpClient } from "effect/http"
import * as Beside from "../Beside.ts"
import { failing } from "../failing.ts"
import { Policy, PolicyError, type Session, type Snapshot } from "../Policy.ts"
import * as Requests from "../Requests.ts"
import * as Archive from "./Archive.ts"
import * as Batch from "./Batch.ts"
import * as Connect from "./Connect.ts"
import * as Draws from "./Draws.ts"
import * as Merge from "./Merge.ts"
import * as Objectives from "./Objectives.ts"
import type { Capabilities, Options } from "./Options.ts"
import * as Reference from "./Reference.ts"
import { refuse } from "./refuse.ts"
import * as Saved from "./Saved.ts"
import * as Scores from "./Scores.ts"
import * as Settings from "./Settings.ts"
import * as Step from "./Step.ts"

export { type Known, unknown } from "./Connect.ts"
export type { Capabilities, Options } from "./Options.ts"

/** What is known of the engine: beside the policy, for whoever tells people. */
export class Connection extends Context.Service<Connection, Capabilities>()("rise/TinkerConnection") {}

/** The adapter alone, whatever `save` writes. */
export class Adapters extends Context.Service<Adapters, {
  /** Downloads it as a PEFT directory, a new one. */
  readonly save: (directory: string) => Effect.Effect<void, PolicyError>
}>()("rise/TinkerAdapters") {}

interface Kept extends Snapshot {
  readonly path: string
}

const isKept = (snapshot: Snapshot): snapshot is Kept => "path" in snapshot && typeof snapshot.path === "string"

/** Largest archive of weights that is taken, in bytes. */
const ARCHIVE_BYTES = 64 * 1024 ** 3

const make = Effect.fnUntraced(function*(options: Options, known: Connect.Known) {
  const { merge = false } = options
  if (merge && options.rank === 0) {
    return yield* refuse(
      "load",
      "merge is true and rank is 0: without an adapter there is nothing to merge, leave it out"
    )
  }
  const connected = yield* Connect.to(options, known)
  const { apiKey, baseUrl, capabilities, exact, modelOf, name: engineName, normaliser, prompts, rank } = connected
  const { concurrency = Settings.defaults.concurrency, model, optimizer = {}, seed } = options
  if (merge) yield* Merge.check(options.tokenizer)
  const fileSystem = yield* FileSystem.FileSystem
  const http = yield* HttpClient.HttpClient
  const path = yield* Path.Path
  const states = `rise-${crypto.randomUUID().slice(0, 8)}`
  const engine = yield* modelOf(states)

  let version = 0
  let open = 0
  /** Whether the optimiser has moments to forget. */
  let moved = false

  const closed = (operation: PolicyError["operation"]) =>
    Effect.suspend(() =>
      open === 0
        ? Effect.void
        : refuse(operation, `${open} inference session(s) still open; rollouts would no longer be on-policy`)
    )

  const sample = Draws.make({ engine, engineName, prompts, seed, concurrency })
  const { checked, logprobs, scored } = Scores.make({ engine, engineName, prompts })
  const step = Step.make({ checked, engine, exact, normaliser, optimizer, scored })
  const reference = yield* Reference.make({
    reference: options.reference,
    engine: yield* connected.referenceOf(`${states}-reference`),
    engineName,
    prompts
  })

  const session: Effect.Effect<Session, PolicyError, Scope.Scope> = Effect.acquireRelease(
    Effect.sync((): Session => {
      open++
      return {
        version,
        oneByOne: concurrency,
        ...(prompts.readsPictures && { prepare: prompts.prepare }),
        sample,
        logprobs
      }
    }),
    () =>
      Effect.sync(() => {
        open--
      })
  )

  const onDisk = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem | Path.Path | HttpClient.HttpClient>) =>
    effect.pipe(
      Effect.provideService(FileSystem.FileSystem, fileSystem),
      Effect.provideService(Path.Path, path),
      Effect.provideService(HttpClient.HttpClient, http)
    )

  const download = Effect.fnUntraced(function*(directory: string) {
    const path = yield* engine.saveSampler
    yield* Archive.download(path, directory, { baseUrl, apiKey, maxBytes: ARCHIVE_BYTES })
  })

  /** Writes down where a state lies. */
  const written = (directory: string, path: string, reference: string | null = null) =>
    Saved.write(directory, { engine: "tinker", model, rank, path, reference })

  const forget = Effect.gen(function*() {
    if (!moved) return
    const state = yield* engine.saveState
    yield* engine.load(state, false)
    moved = false
  })

  const policy = Policy.of({
    session,
    beginStage: failing("update")(Effect.gen(function*() {
      yield* closed("update")
      yield* forget
      if (options.reference === "stage") yield* Effect.flatMap(engine.saveState, reference.hold)
    })),
    endStage: failing("update")(Effect.gen(function*() {
      yield* closed("update")
      yield* forget
      yield* reference.letGo
    })),
    update: (objective, update) =>
      failing("update")(Effect.gen(function*() {
        yield* closed("update")
        yield* Requests.check("update", Requests.update, update)
        const count = objective._tag === "Supervised" ? objective.examples.length : objective.rollouts.length
        if (count === 0) return yield* refuse("update", "there is nothing to learn from: the batch is empty")
        yield* Objectives.check(objective)
        const loss = yield* Batch.lossOf(objective, prompts)
        const held = yield* reference.scores(objective, loss.sequences)
        const inner = objective._tag === "Supervised" ? 1 : objective.innerUpdates
        let last: Effect.Success<ReturnType<typeof step>> | undefined
        for (let i = 0; i < inner; i++) {
          last = yield* step(loss, held, update)
          version++
          moved = true
        }
        return {
          version,
          loss: last?.loss ?? 0,
          ...(last?.gradNorm !== undefined && { gradNorm: last.gradNorm }),
          kl: last?.kl ?? 0,
          clipFraction: last?.clipFraction ?? 0,
          ...(last?.ratios && { ratios: last.ratios }),
          tokens: loss.tokens
        }
      })),
    snapshot: failing("checkpoint")(
      Effect.map(engine.saveState, (path): Kept => ({ version, path }))
    ),
    revert: (snapshot) =>
      failing("restore")(Effect.gen(function*() {
        yield* closed("restore")
        if (!isKept(snapshot)) return yield* refuse("restore", "the snapshot is of another engine")
        yield* engine.load(snapshot.path, false)
        moved = false
        version++
      })),
    saveSnapshot: (snapshot, directory) =>
      failing("checkpoint")(
        isKept(snapshot)
          ? onDisk(written(directory, snapshot.path))
          : refuse("checkpoint", "the snapshot is of another engine")
      ),
    loadSnapshot: (directory) =>
      failing("restore")(
        onDisk(Effect.map(Saved.read(directory, { model, rank }), ({ path }): Kept => ({ version, path })))
      ),
    checkpoint: (directory) =>
      failing("checkpoint")(
        Effect.flatMap(engine.saveState, (path) => onDisk(written(directory, path, reference.path())))
      ),
    restore: (directory) =>
      failing("restore")(Effect.gen(function*() {
        yield* closed("restore")
        const state = yield* onDisk(Saved.read(directory, { model, rank }))
        yield* engine.load(state.path, true)
        yield* reference.hold(state.reference)
        moved = true
        version++
      })),
    save: (directory) =>
      failing("save")(onDisk(Effect.gen(function*() {
        yield* merge ? Merge.save(options.tokenizer, directory, download) : download(directory)
        // The engine takes no weights from elsewhere: what is asked there again is its own state.
        yield* written(directory, yield* engine.saveState)
      }))),
    identity: { engine: "tinker", model, rank },
    unable: {
      grammar: "a grammar cannot be sent to an engine; `validate` decides what is paid",
      format: "a format loss needs the probabilities of all tokens, which no engine tells (Pipelines.Presets.atEngine)",
      temperature: "engines score at that (Pipelines.Presets.atEngine)",
      entropy: "an entropy bonus needs the probabilities of all tokens, which no engine tells",
      ...(options.reference === undefined && {
        kl:
          "there is no reference to hold on to: give the policy reference: \"stage\", or Policy.openai({ … }) of a vLLM"
      })
    },
    tokenizer: Option.some({
      encode: prompts.text,
      vocabularySize: prompts.vocabulary,
      endOfTurn: prompts.endOfTurn,
      specials: prompts.specials
    })
  })
  return Context.make(Policy, policy).pipe(
    Context.add(Connection, capabilities),
    Context.add(Adapters, {
      save: (directory) => failing("save")(onDisk(Effect.andThen(download(directory), Beside.write(policy, directory))))
    })
  )
})

/**
 * Opens a session at the engine, finds out what it does, and trains there; the session ends with the layer. What is
 * `known` is not measured again: a comparison builds its layer anew for every method.
 */
export const layer = (
  options: Options,
  known: Connect.Known = Connect.unknown()
): Layer.Layer<
  Policy | Connection | Adapters,
  PolicyError,
  HttpClient.HttpClient | FileSystem.FileSystem | Path.Path
> => Layer.effectContext(make(options, known).pipe(failing("load")))
