/**
 * A policy that is trained and sampled at an engine which speaks the Tinker protocol: the hosted one, or SkyRL and
 * others on GPUs of one's own. Tokens, objectives and gradients of losses are made here, forward and backward passes
 * there.
 *
 * @module
 */
import { Context, Duration, Effect, FileSystem, Layer, Option, Path, Redacted, Schema, type Scope } from "effect"
import { HttpClient } from "effect/http"
import { Image } from "../../kernels/image/index.ts"
import * as Finite from "../../kernels/math/Finite.ts"
import * as Keyed from "../../kernels/math/Keyed.ts"
import { warn } from "../../kernels/runtime/Warning.ts"
import type { AdamW } from "../../kernels/train/index.ts"
import { failing } from "../failing.ts"
import * as NotFinite from "../NotFinite.ts"
import {
  type Completion,
  type Objective,
  Policy,
  PolicyError,
  type SampleOptions,
  type SampleRequest,
  type Session,
  type Snapshot,
  type UpdateOptions
} from "../Policy.ts"
import * as Requests from "../Requests.ts"
import * as Archive from "./Archive.ts"
import * as Batch from "./Batch.ts"
import * as Engine from "./Engine.ts"
import * as Futures from "./Futures.ts"
import * as Normaliser from "./Normaliser.ts"
import * as Probe from "./Probe.ts"
import * as Prompts from "./Prompts.ts"
import * as Settings from "./Settings.ts"
import * as Transport from "./Transport.ts"
import { type Chunk, lengthOfAll } from "./Wire.ts"

/** An engine, and how it is asked. */
export interface Options extends Transport.Limits {
  /** Without `/api/v1`: `http://localhost:8000`. */
  readonly baseUrl: string
  /** Sent as `X-API-Key` and as a bearer token; engines of one's own need none. A string is taken, too. */
  readonly apiKey?: Redacted.Redacted<string> | string | undefined
  /** The base model, as the engine calls it. */
  readonly model: string
  /** A Hugging Face directory with the model's tokenizer, chat template and image processor; it needs no weights. */
  readonly tokenizer: string
  /** Seeds of draws, waits and of the adapter's first values are keyed by it. */
  readonly seed: number
  /** Rank of the adapter. 0 trains all weights, where the engine does. Default 32. */
  readonly rank?: number
  /**
   * What a KL penalty holds on to. "stage": the weights that a stage began with, kept at the engine. A policy: a second
   * engine that scores given tokens, such as vLLM with the base model. Default: nothing; `kl` has to be 0 then.
   */
  readonly reference?: "stage" | Layer.Layer<Policy, PolicyError> | undefined
  /** Decay rates of the optimiser, where the engine takes them. Default 0.9, 0.999, 1e-8. */
  readonly optimizer?: AdamW.Options
  /** How pictures are sent. Default: lossless. */
  readonly images?: Prompts.Pictures
  /** Find out first whether the engine takes pictures and what it divides losses by. Default true. */
  readonly probe?: boolean
  /** Requests for texts under way at a time. Default 64. */
  readonly concurrency?: number
  /** Between two signs of life. Default 10 seconds. */
  readonly heartbeat?: Duration.Input
  /** Longest wait for the result of one request. Default 30 minutes. */
  readonly patience?: Duration.Input
  /** Updates that are kept here, to be made again should the engine lose them, before a state is saved. Default 16. */
  readonly kept?: number
}

/** What an engine was found to do. */
export interface Capabilities {
  /** Names of base models that it serves; empty where it does not say. */
  readonly models: ReadonlyArray<string>
  /** What it divides a loss by, in words; undefined: it tells no gradient norm, and a sum is taken for granted. */
  readonly normaliser: string | undefined
  /** Whether pictures reach the model; undefined: the tokenizer is of a model that reads none. */
  readonly pictures: boolean | undefined
  /** Sequences and bytes of the largest part of an update that it takes in one request. */
  readonly request: { readonly data: number; readonly bytes: number }
}

/** What is known of the engine: beside the policy, for whoever tells people. */
export class Connection extends Context.Service<Connection, Capabilities>()("rise/TinkerConnection") {}

interface Kept extends Snapshot {
  readonly path: string
}

const isKept = (snapshot: Snapshot): snapshot is Kept => "path" in snapshot && typeof snapshot.path === "string"

const stateFile = "engine.json"

/** A checkpoint: where the engine keeps what is too large to be here. */
const State = Schema.fromJsonString(Schema.Struct({
  engine: Schema.Literal("tinker"),
  model: Schema.String,
  version: Schema.Int,
  /** Weights and moments. */
  path: Schema.String,
  /** Weights that the KL penalty of the stage holds on to. */
  reference: Schema.NullOr(Schema.String)
}))

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

const refuse = (operation: PolicyError["operation"], reason: string) =>
  Effect.fail(new PolicyError({ operation, reason }))

const checkOptions = ({ apiKey, baseUrl }: Options): string | undefined => {
  if (typeof baseUrl !== "string" || !URL.canParse(baseUrl)) {
    return `baseUrl is ${JSON.stringify(baseUrl)}, expected an address such as http://localhost:8000`
  }
  const { password, protocol, search, username } = new URL(baseUrl)
  if (protocol !== "http:" && protocol !== "https:") return `baseUrl begins with ${protocol}, expected http: or https:`
  if (username !== "" || password !== "") return "baseUrl holds a user or a password; give a key as apiKey"
  if (search !== "") return "baseUrl holds a query (behind \"?\"), expected none; give a key as apiKey"
  const key: unknown = Redacted.isRedacted(apiKey) ? Redacted.value(apiKey) : apiKey
  if (key === undefined) return undefined
  if (typeof key !== "string") return `apiKey is a ${typeof key}, expected a string or a Redacted string`
  const odd = key.search(/[^\x21-\x7e]/)
  return odd < 0 ? undefined : `apiKey holds white space or a character beyond ASCII at position ${odd}`
}

const make = Effect.fnUntraced(function*(options: Options) {
  const wrong = checkOptions(options)
  if (wrong !== undefined) return yield* refuse("load", wrong)
  yield* Requests.checkAll("load", Settings.options, options)
  const { concurrency = Settings.defaults.concurrency, model, optimizer = {}, seed } = options
  const rank = options.rank ?? Settings.defaults.rank
  const apiKey = typeof options.apiKey === "string" ? Redacted.make(options.apiKey) : options.apiKey
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
    futures.call({ path: "client/config", body: { sdk_version: "0.38.0" }, key: "config" }, Limits)
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
  const engine = yield* engineOf(`rise-${crypto.randomUUID().slice(0, 8)}`)
  const capabilities: Capabilities = {
    models,
    normaliser: found.normaliser === undefined ? undefined : Normaliser.say(found.normaliser),
    pictures: found.pictures,
    request
  }
  if (options.probe !== false && found.normaliser === undefined) {
    yield* warn(
      `${engineName} tells no gradient norm: what it divides losses by could not be measured; a sum is taken for granted`
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

  /** Seeds of engines are 31 bits. */
  const seedOf = (key: string) => Keyed.stream(seed, key).int(2 ** 31)

  const completionOf = (
    { key }: SampleRequest,
    { count, maxTokens }: SampleOptions,
    sequences: Effect.Success<ReturnType<Engine.Engine["sample"]>>["sequences"]
  ): Effect.Effect<ReadonlyArray<Completion>, PolicyError> => {
    if (sequences.length !== count) {
      return refuse("sample", `${engineName} drew ${sequences.length} texts for "${key}", expected ${count}`)
    }
    return Effect.forEach(sequences, ({ logprobs = new Float32Array(0), stop, tokens }): Effect.Effect<
      Completion,
      PolicyError
    > => {
      const ended = prompts.ends.includes(tokens.at(-1) ?? -1)
      if (tokens.length > maxTokens) {
        return refuse("sample", `${engineName} drew ${tokens.length} tokens for "${key}", expected at most ${maxTokens}`)
      }
      if (logprobs.length !== 0 && logprobs.length !== tokens.length) {
        return refuse(
          "sample",
          `${engineName} told ${logprobs.length} log-probabilities of the ${tokens.length} tokens drawn for "${key}"`
        )
      }
      const odd = Finite.firstBeyond(logprobs)
      if (odd >= 0) {
        return refuse("sample", `${engineName}: log-probability ${odd} of a text for "${key}" is ${logprobs[odd]}`)
      }
      return Effect.succeed({
        text: prompts.decode(ended ? tokens.subarray(0, -1) : tokens),
        tokens,
        logprobs,
        finish: stop
      })
    })
  }

  const noGrammar = (operation: PolicyError["operation"]) =>
    refuse(operation, "a grammar cannot be sent to an engine: use grammar \"off\"; `validate` decides what is paid")

  const sample: Session["sample"] = Effect.fn("Policy.sample")(function*(requests, sampling) {
    if (sampling.grammar !== undefined) return yield* noGrammar("sample")
    yield* Requests.check("sample", Requests.remoteSampling, sampling)
    const { count, maxTokens, temperature = 1, topP = 1 } = sampling
    return yield* Effect.forEach(requests, (request) =>
      Effect.gen(function*() {
        const chunks = yield* prompts.chunks(request.prompt)
        const { sequences } = yield* engine.sample(chunks, {
          count,
          maxTokens,
          temperature,
          topP,
          seed: seedOf(request.key),
          stop: prompts.ends,
          scorePrompt: false
        }, request.key)
        return yield* completionOf(request, sampling, sequences)
      }), { concurrency })
  }, (effect) => failing("sample")(effect))

  const finite = (sequences: ReadonlyArray<Batch.Sequence>, logprobs: ReadonlyArray<Float32Array>, of: string) =>
    Effect.forEach(sequences, (sequence, i): Effect.Effect<Float32Array, PolicyError | NotFinite.NotFinite> => {
      const all = logprobs[i] ?? new Float32Array(0)
      const expected = lengthOfAll(sequence.chunks) - 1 + sequence.tokens.length
      if (all.length !== expected) {
        return refuse(
          "logprobs",
          `${engineName} told log-probabilities of ${all.length} tokens of sequence ${i}, expected ${expected}: a ` +
            "picture was dropped, or counts otherwise there than in the tokenizer directory"
        )
      }
      const own = Batch.following(sequence, all)
      const odd = Finite.firstBeyond(own)
      return odd < 0 ? Effect.succeed(own) : Effect.fail(
        new NotFinite.NotFinite({ what: `the ${of}'s log-probability of token ${odd} of sequence ${i} is ${own[odd]}` })
      )
    })

  /** Log-probabilities of what follows each prompt, at the weights as they are. */
  const scored = (sequences: ReadonlyArray<Batch.Sequence>) =>
    Effect.flatMap(
      engine.forward(sequences.map((sequence) =>
        Batch.datum(sequence, { weights: Float32Array.from(sequence.tokens, () => 1) })
      )),
      (logprobs) => finite(sequences, logprobs, "policy")
    )

  const logprobs: Session["logprobs"] = Effect.fn("Policy.logprobs")(function*(items) {
    if (items.length === 0) return []
    for (const [i, { grammar, temperature = 1, tokens }] of items.entries()) {
      if (grammar !== undefined) return yield* noGrammar("logprobs")
      if (temperature !== 1) {
        return yield* refuse("logprobs", `item ${i}: temperature is ${temperature}, expected 1: engines score at that`)
      }
      if (tokens.length === 0) return yield* refuse("logprobs", `item ${i}: there are no tokens`)
    }
    return yield* Effect.flatMap(
      Effect.forEach(items, ({ prompt, tokens }) =>
        Effect.map(prompts.chunks(prompt), (chunks) => ({ chunks, tokens }))),
      scored
    )
  }, (effect) => failing("logprobs")(effect))

  const session: Effect.Effect<Session, PolicyError, Scope.Scope> = Effect.acquireRelease(
    Effect.sync((): Session => {
      open++
      return {
        version,
        oneByOne: concurrency,
        prepare: (image) =>
          Effect.map(prompts.fit(image), ({ height, pixels, width }) => ({
            image: Image.rendered(image.id, () => pixels),
            width,
            height
          })),
        sample,
        logprobs
      }
    }),
    () =>
      Effect.sync(() => {
        open--
      })
  )

  /** Weights kept at the engine score a text as the prompt of one that is not needed. */
  const heldScores = (path: string, sequences: ReadonlyArray<Batch.Sequence>) =>
    Effect.forEach(sequences, ({ chunks, tokens }, i) =>
      Effect.gen(function*() {
        const whole: ReadonlyArray<Chunk> = [...chunks, { type: "text", tokens }]
        const { promptLogprobs = new Float32Array(0) } = yield* engine.sample(whole, {
          count: 1,
          maxTokens: 1,
          temperature: 1,
          topP: 1,
          seed: 0,
          stop: prompts.ends,
          scorePrompt: true
        }, `reference/${version}/${i}`, path)
        const own = promptLogprobs.subarray(promptLogprobs.length - tokens.length)
        const odd = own.length === tokens.length ? Finite.firstBeyond(own) : 0
        return odd < 0 ? own : yield* refuse(
          "update",
          `${engineName} tells no log-probabilities of given tokens (prompt_logprobs), which reference: "stage" ` +
            "needs; set kl to 0, or give Policy.openai({ … }) of a vLLM with the base model as reference"
        )
      }), { concurrency })

  const referenceScores = Effect.fnUntraced(function*(
    objective: Objective,
    sequences: ReadonlyArray<Batch.Sequence>
  ) {
    if (objective._tag === "Supervised" || objective.kl === 0) return undefined
    if (second !== undefined) {
      const items = objective.rollouts.map(({ completion: { tokens }, prompt }) => ({ prompt, tokens }))
      return yield* Effect.scoped(Effect.flatMap(second.session, (session) => session.logprobs(items)))
    }
    if (options.reference === "stage" && reference !== undefined) return yield* heldScores(reference, sequences)
    return yield* refuse(
      "update",
      `kl is ${objective.kl}, and there is no reference to hold on to: set kl to 0, or give the policy reference: ` +
        "\"stage\" (weights kept at the engine), or Policy.openai({ … }) of a vLLM with the base model"
    )
  })

  const check = Effect.fnUntraced(function*(objective: Objective) {
    yield* Requests.checkObjective(objective, 2 ** 31)
    if (objective.format !== undefined && objective.format.weight > 0 && objective.format.texts.length > 0) {
      return yield* refuse(
        "update",
        "a format loss needs the probabilities of all tokens, which no engine tells: set format to 0, and leave " +
          "practice out"
      )
    }
    if (objective._tag === "Supervised") {
      const { examples } = objective
      if (examples.some(({ auxiliary = [] }) => auxiliary.length > 0)) {
        return yield* refuse("update", "auxiliary losses at inner layers do not exist at an engine: leave auxiliary out")
      }
      if (examples.some(({ grammar }) => grammar !== undefined)) return yield* noGrammar("update")
      if (examples.every(({ target }) => target.every(({ weight }) => weight === 0))) {
        return yield* refuse("update", "there is nothing to learn from: every target weighs 0")
      }
      return
    }
    for (const [i, { grammar, temperature = 1 }] of objective.rollouts.entries()) {
      if (grammar !== undefined) return yield* noGrammar("update")
      if (temperature !== 1) {
        return yield* refuse(
          "update",
          `rollout ${i} was drawn at temperature ${temperature}; engines score at 1: set the temperature of the stage to 1`
        )
      }
    }
  })

  /** One optimiser step down the slopes of the loss. */
  const step = Effect.fnUntraced(function*(
    loss: Batch.Loss,
    reference: ReadonlyArray<Float32Array> | undefined,
    { clipNorm = 1, learningRate, weightDecay = 0.1 }: UpdateOptions
  ) {
    const now = yield* scored(loss.sequences)
    const terms = loss.terms(now, reference)
    if (!Number.isFinite(terms.loss)) return yield* new NotFinite.NotFinite({ what: `the loss is ${terms.loss}` })
    const data = loss.sequences.map((sequence, i) =>
      Batch.datum(sequence, {
        logprobs: now[i] ?? [],
        advantages: Float64Array.from(terms.slopes[i] ?? [], (slope) => -slope)
      })
    )
    const metrics = yield* engine.step(data, "importance_sampling", {
      learningRate,
      beta1: optimizer.beta1 ?? 0.9,
      beta2: optimizer.beta2 ?? 0.999,
      epsilon: optimizer.epsilon ?? 1e-8,
      weightDecay,
      clipNorm: clipNorm === Infinity ? 0 : clipNorm
    }, (requests) => {
      const factors = Normaliser.factors(normaliser, requests)
      return requests.map((request, r) =>
        request.map(({ chunks, inputs }, i) => {
          const factor = factors[r]?.[i] ?? 1
          const { advantages } = inputs
          return advantages?.dtype !== "float32" ? { chunks, inputs } : {
            chunks,
            inputs: {
              ...inputs,
              advantages: { dtype: "float32", data: advantages.data.map((value) => value * factor) } as const
            }
          }
        })
      )
    })
    version++
    moved = true
    return { ...terms, gradNorm: Probe.gradNormOf(metrics) ?? 0 }
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
      if (options.reference === "stage") reference = yield* engine.saveSampler
    })),
    endStage: failing("update")(Effect.gen(function*() {
      yield* closed("update")
      yield* forget
      reference = undefined
    })),
    update: (objective, update) =>
      failing("update")(Effect.gen(function*() {
        yield* closed("update")
        yield* Requests.check("update", Requests.update, update)
        const count = objective._tag === "Supervised" ? objective.examples.length : objective.rollouts.length
        if (count === 0) return yield* refuse("update", "there is nothing to learn from: the batch is empty")
        yield* check(objective)
        const loss = yield* Batch.lossOf(objective, prompts)
        const reference = yield* referenceScores(objective, loss.sequences)
        let last = yield* step(loss, reference, update)
        const inner = objective._tag === "Supervised" ? 1 : objective.innerUpdates
        for (let i = 1; i < inner; i++) last = yield* step(loss, reference, update)
        return {
          version,
          loss: last.loss,
          gradNorm: last.gradNorm,
          kl: last.kl,
          clipFraction: last.clipFraction,
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
    checkpoint: (directory) =>
      failing("checkpoint")(onDisk(Effect.gen(function*() {
        const path = yield* engine.saveState
        const text = yield* Schema.encodeEffect(State)({
          engine: "tinker",
          model,
          version,
          path,
          reference: reference ?? null
        })
        const { join } = yield* Path.Path
        yield* fileSystem.makeDirectory(directory, { recursive: true })
        const file = join(directory, stateFile)
        yield* fileSystem.writeFileString(`${file}.tmp`, text)
        yield* fileSystem.rename(`${file}.tmp`, file)
      }))),
    restore: (directory) =>
      failing("restore")(onDisk(Effect.gen(function*() {
        yield* closed("restore")
        const { join } = yield* Path.Path
        const file = join(directory, stateFile)
        const state = yield* Effect.flatMap(fileSystem.readFileString(file), Schema.decodeUnknownEffect(State)).pipe(
          Effect.mapError((cause) =>
            new PolicyError({
              operation: "restore",
              reason: `${file} is no checkpoint of an engine: ${cause.message}`,
              cause
            })
          )
        )
        if (state.model !== model) {
          return yield* refuse("restore", `${file} is of model "${state.model}", this policy's is "${model}"`)
        }
        yield* engine.load(state.path, true)
        moved = true
        version = state.version
        reference = state.reference ?? undefined
      }))),
    save: (directory) =>
      failing("save")(onDisk(Effect.gen(function*() {
        const path = yield* engine.saveSampler
        const files = yield* Archive.download(path, { baseUrl, apiKey, maxBytes: ARCHIVE_BYTES })
        yield* Archive.write(directory, files)
      }))),
    identity: { engine: "tinker", model, rank },
    tokenizer: Option.none()
  })
  return Context.make(Policy, policy).pipe(Context.add(Connection, capabilities))
})

/** Opens a session at the engine, finds out what it does, and trains there; the session ends with the layer. */
export const layer = (
  options: Options
): Layer.Layer<Policy | Connection, PolicyError, HttpClient.HttpClient | FileSystem.FileSystem | Path.Path> =>
  Layer.effectContext(make(options).pipe(failing("load")))
