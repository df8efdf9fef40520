/**
 * A policy that is trained and sampled at an engine which speaks the Tinker protocol: the hosted one, or SkyRL and
 * others on GPUs of one's own. Tokens, objectives and gradients of losses are made here, forward and backward passes
 * there.
 *
 * @module
 */
import { Context, Duration, Effect, FileSystem, Layer, Option, Path, Schema, type Scope } from "effect"
import { HttpClient } from "effect/http"
import { Image } from "../../kernels/image/index.ts"
import { warn } from "../../kernels/runtime/Warning.ts"
import { failing } from "../failing.ts"
import * as Endpoint from "../http/Endpoint.ts"
import { type Objective, Policy, PolicyError, type Session, type Snapshot } from "../Policy.ts"
import * as Requests from "../Requests.ts"
import * as Archive from "./Archive.ts"
import * as Batch from "./Batch.ts"
import * as Draws from "./Draws.ts"
import * as Engine from "./Engine.ts"
import * as Futures from "./Futures.ts"
import * as Normaliser from "./Normaliser.ts"
import * as Objectives from "./Objectives.ts"
import { type Capabilities, checkOptions, type Options } from "./Options.ts"
import * as Probe from "./Probe.ts"
import * as Prompts from "./Prompts.ts"
import { refuse } from "./refuse.ts"
import * as Saved from "./Saved.ts"
import * as Scores from "./Scores.ts"
import * as Settings from "./Settings.ts"
import * as Step from "./Step.ts"
import * as Transport from "./Transport.ts"

export type { Capabilities, Options } from "./Options.ts"

/** What is known of the engine: beside the policy, for whoever tells people. */
export class Connection extends Context.Service<Connection, Capabilities>()("rise/TinkerConnection") {}

interface Kept extends Snapshot {
  readonly path: string
}

const isKept = (snapshot: Snapshot): snapshot is Kept => "path" in snapshot && typeof snapshot.path === "string"

const Capable = Schema.Struct({
  supported_models: Schema.optional(Schema.NullOr(Schema.Array(Schema.Struct({
    model_name: Schema.optional(Schema.NullOr(Schema.String))
  }))))
})

const Limits = Schema.Struct({
  fwdbwd_max_chunk_len: Schema.optional(Schema.NullOr(Schema.Int)),
  fwdbwd_max_chunk_bytes_count: Schema.optional(Schema.NullOr(Schema.Int))
})

/** Largest archive of weights that is taken, in bytes. */
const ARCHIVE_BYTES = 64 * 1024 ** 3

const make = Effect.fnUntraced(function*(options: Options) {
  const wrong = checkOptions(options)
  if (wrong !== undefined) return yield* refuse("load", wrong)
  yield* Requests.checkAll("load", Settings.options, options)
  const { concurrency = Settings.defaults.concurrency, model, optimizer = {}, seed } = options
  const rank = options.rank ?? Settings.defaults.rank
  const apiKey = Endpoint.secretOf(options.apiKey)
  const baseUrl = options.baseUrl.replace(/\/+$/, "").replace(/\/api\/v1$/, "")
  const engineName = `${model} at ${baseUrl}`
  const fileSystem = yield* FileSystem.FileSystem
  const http = yield* HttpClient.HttpClient
  const path = yield* Path.Path
  const prompts = yield* Prompts.make(options.tokenizer, options.images ?? {})
  const transport = yield* Transport.make({ ...options, baseUrl, apiKey })
  const futures = Futures.make({
    transport,
    patience: Duration.fromInputUnsafe(options.patience ?? Settings.defaults.patience)
  })

  const known = yield* Effect.option(
    futures.call({ path: "client/config", body: { sdk_version: Engine.SDK_VERSION }, key: "config" }, Limits)
  )
  const request = Option.match(known, {
    onNone: () => Settings.defaults.request,
    onSome: ({ fwdbwd_max_chunk_bytes_count: bytes, fwdbwd_max_chunk_len: data }) => ({
      data: data ?? Settings.defaults.request.data,
      bytes: bytes ?? Settings.defaults.request.bytes
    })
  })
  const models = yield* transport.send({
    method: "GET",
    path: "get_server_capabilities",
    accept: Futures.json,
    key: "capabilities"
  }).pipe(Effect.map(({ bytes, status }) =>
    status === 200
      ? Option.match(
        Schema.decodeUnknownOption(Schema.fromJsonString(Capable))(Buffer.from(bytes).toString("utf8")),
        {
          onNone: () => [],
          onSome: ({ supported_models: all }) => (all ?? []).flatMap(({ model_name: name }) => name ?? [])
        }
      )
      : []
  ))
  if (models.length > 0 && !models.includes(model)) {
    return yield* refuse("load", `${baseUrl} does not serve "${model}"; it serves ${models.join(", ")}`)
  }

  const engineOf = (name: string) =>
    Engine.make({
      futures,
      baseModel: model,
      rank,
      seed,
      heartbeat: Duration.fromInputUnsafe(options.heartbeat ?? Settings.defaults.heartbeat),
      request,
      kept: options.kept ?? Settings.defaults.kept,
      name
    })
  // A model of its own, which is given back before the policy's is made: an engine may hold one alone.
  const found: Probe.Found = options.probe === false
    ? { normaliser: undefined, pictures: undefined }
    : yield* Effect.scoped(
      Effect.flatMap(engineOf("probe"), (engine) => Probe.probe(engine, prompts, engineName))
    )
  const normaliser = found.normaliser ?? Normaliser.sum
  const name = `rise-${crypto.randomUUID().slice(0, 8)}`
  const engine = yield* engineOf(name)
  const capabilities: Capabilities = {
    models,
    normaliser: found.normaliser === undefined ? undefined : Normaliser.say(found.normaliser),
    pictures: found.pictures,
    request
  }
  if (options.probe !== false && found.normaliser === undefined) {
    yield* warn(
      `${engineName} tells no gradient norm: what it divides losses by could not be measured; a sum is taken for ` +
        "granted"
    )
  }

  const second = options.reference === undefined || options.reference === "stage"
    ? undefined
    : Context.get(yield* Layer.build(options.reference), Policy)

  let version = 0
  let open = 0
  /** Whether the optimiser has moments to forget. */
  let moved = false
  let reference: string | undefined

  const closed = (operation: PolicyError["operation"]) =>
    Effect.suspend(() =>
      open === 0
        ? Effect.void
        : refuse(operation, `${open} inference session(s) still open; rollouts would no longer be on-policy`)
    )

  const sample = Draws.make({ engine, engineName, prompts, seed, concurrency })
  const { logprobs, scored } = Scores.make({ engine, engineName, prompts })
  const step = Step.make({ engine, normaliser, optimizer, scored })
  /** What a KL penalty holds on to lives in a model of its own: sampling from old weights may overwrite new ones. */
  const kept = yield* engineOf(`${name}-reference`)
  const keptScores = Scores.make({ engine: kept, engineName, prompts, of: "reference" })
  const hold = (path: string) =>
    Effect.mapError(kept.load(path, false), ({ message }) =>
      new PolicyError({
        operation: "update",
        reason: `reference: "stage" needs room for a second model at ${engineName}: ${message}. Set kl to 0, or give ` +
          "Policy.openai({ … }) of a vLLM with the base model as reference"
      }))

  const session: Effect.Effect<Session, PolicyError, Scope.Scope> = Effect.acquireRelease(
    Effect.sync((): Session => {
      open++
      return {
        version,
        oneByOne: concurrency,
        ...(prompts.readsPictures && {
          prepare: (image) =>
            Effect.map(prompts.fit(image), ({ height, pixels, width }) => ({
              image: Image.rendered(image.id, () => pixels),
              width,
              height
            }))
        }),
        sample,
        logprobs
      }
    }),
    () =>
      Effect.sync(() => {
        open--
      })
  )

  const referenceScores = Effect.fnUntraced(function*(
    objective: Objective,
    sequences: ReadonlyArray<Batch.Sequence>
  ) {
    if (objective._tag === "Supervised" || objective.kl === 0) return undefined
    if (second !== undefined) {
      const items = objective.rollouts.map(({ completion: { tokens }, prompt }) => ({ prompt, tokens }))
      return yield* Effect.scoped(Effect.flatMap(second.session, (session) => session.logprobs(items)))
    }
    if (options.reference === "stage" && reference !== undefined) return yield* keptScores.scored(sequences)
    return yield* refuse(
      "update",
      `kl is ${objective.kl}, and there is no reference to hold on to: set kl to 0, or give the policy reference: ` +
        "\"stage\" (weights kept at the engine), or Policy.openai({ … }) of a vLLM with the base model"
    )
  })

  const onDisk = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem | Path.Path | HttpClient.HttpClient>) =>
    effect.pipe(
      Effect.provideService(FileSystem.FileSystem, fileSystem),
      Effect.provideService(Path.Path, path),
      Effect.provideService(HttpClient.HttpClient, http)
    )

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
      if (options.reference === "stage") {
        const path = yield* engine.saveState
        yield* hold(path)
        reference = path
      }
    })),
    endStage: failing("update")(Effect.gen(function*() {
      yield* closed("update")
      yield* forget
      reference = undefined
      yield* kept.release
    })),
    update: (objective, update) =>
      failing("update")(Effect.gen(function*() {
        yield* closed("update")
        yield* Requests.check("update", Requests.update, update)
        const count = objective._tag === "Supervised" ? objective.examples.length : objective.rollouts.length
        if (count === 0) return yield* refuse("update", "there is nothing to learn from: the batch is empty")
        yield* Objectives.check(objective)
        const loss = yield* Batch.lossOf(objective, prompts)
        const reference = yield* referenceScores(objective, loss.sequences)
        const inner = objective._tag === "Supervised" ? 1 : objective.innerUpdates
        let last: Effect.Success<ReturnType<typeof step>> | undefined
        for (let i = 0; i < inner; i++) {
          last = yield* step(loss, reference, update)
          version++
          moved = true
        }
        return {
          version,
          loss: last?.loss ?? 0,
          gradNorm: last?.gradNorm ?? 0,
          kl: last?.kl ?? 0,
          clipFraction: last?.clipFraction ?? 0,
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
          ? onDisk(Saved.write(directory, { engine: "tinker", model, path: snapshot.path, reference: null }))
          : refuse("checkpoint", "the snapshot is of another engine")
      ),
    loadSnapshot: (directory) =>
      failing("restore")(
        onDisk(Effect.map(Saved.read(directory, model), ({ path }): Kept => ({ version, path })))
      ),
    checkpoint: (directory) =>
      failing("checkpoint")(
        Effect.flatMap(engine.saveState, (path) =>
          onDisk(Saved.write(directory, { engine: "tinker", model, path, reference: reference ?? null })))
      ),
    restore: (directory) =>
      failing("restore")(Effect.gen(function*() {
        yield* closed("restore")
        const state = yield* onDisk(Saved.read(directory, model))
        yield* engine.load(state.path, true)
        if (state.reference !== null && options.reference === "stage") yield* hold(state.reference)
        reference = state.reference ?? undefined
        moved = true
        version++
      })),
    save: (directory) =>
      failing("save")(onDisk(Effect.gen(function*() {
        const path = yield* engine.saveSampler
        const files = yield* Archive.download(path, { baseUrl, apiKey, maxBytes: ARCHIVE_BYTES })
        yield* Archive.write(directory, files)
      }))),
    identity: { engine: "tinker", model, rank },
    unable: {
      grammar: "a grammar cannot be sent to an engine; `validate` decides what is paid",
      format: "a format loss needs the probabilities of all tokens, which no engine tells (Pipelines.Presets.atEngine)",
      temperature: "engines score at that (Pipelines.Presets.atEngine)",
      ...(options.reference === undefined && {
        kl:
          "there is no reference to hold on to: give the policy reference: \"stage\", or Policy.openai({ … }) of a vLLM"
      })
    },
    tokenizer: Option.none()
  })
  return Context.make(Policy, policy).pipe(Context.add(Connection, capabilities))
})

/** Opens a session at the engine, finds out what it does, and trains there; the session ends with the layer. */
export const layer = (
  options: Options
): Layer.Layer<Policy | Connection, PolicyError, HttpClient.HttpClient | FileSystem.FileSystem | Path.Path> =>
  Layer.effectContext(make(options).pipe(failing("load")))
