/**
 * A policy behind an OpenAI-compatible server: it can be asked for completions, not trained.
 *
 * A source of reasonings, a baseline to evaluate, or, with vLLM, the model under training served with its newest
 * adapter. Log-probabilities are the server's own; whether they follow temperature and top-p is up to it.
 *
 * @module
 */
import { Context, Duration, Effect, Layer, Option, Redacted, Result, type Schema } from "effect"
import type { HttpClient } from "effect/http"
import * as Rules from "../../kernels/math/Rules.ts"
import { failing } from "../failing.ts"
import { type Completion, Policy, PolicyError, type Prompt, type Session } from "../Policy.ts"
import * as Requests from "../Requests.ts"
import { shownAddress } from "./Address.ts"
import * as Candidates from "./Candidates.ts"
import * as Client from "./Client.ts"
import * as DataUrl from "./DataUrl.ts"
import type { Limit } from "./Fields.ts"
import * as Secret from "./Secret.ts"
import type { Message } from "./Wire.ts"

const { any, oneOf, record, required, whole, yesOrNo } = Rules

/** Whether a value is of a type that durations are written in. */
const isDuration = (value: unknown): value is Duration.Input =>
  typeof value === "string" || typeof value === "number" && value >= 0 || typeof value === "bigint" ||
  Duration.isDuration(value)

const duration: Rules.Rule = {
  expected: "a duration such as \"2 minutes\", or milliseconds from 0",
  holds: (value) => isDuration(value) && Option.isSome(Duration.fromInput(value))
}

/** A server, and how it is asked. */
export interface Options extends Client.Limits {
  /** With its version: `https://api.openai.com/v1`, `http://localhost:8000/v1`. */
  readonly baseUrl: string
  /** As the server calls it. */
  readonly model: string
  /** Sent as a bearer token; local servers often need none. A string is taken, too. */
  readonly apiKey?: Redacted.Redacted<string> | string | undefined
  /** Seeds of requests and waits are keyed by it. */
  readonly seed: number
  /** A system message before every prompt. */
  readonly system?: string
  /** The field that limits new tokens. Default "max_tokens"; a server that refuses it by name is sent the other. */
  readonly maxTokensField?: Limit
  /** Ask for log-probabilities, where the server gives them. Default true. */
  readonly logprobs?: boolean
  /** How large pictures are sent. Default: at most 2048 pixels a side and 4 MiB. */
  readonly images?: DataUrl.ImageLimits
  /** Fields merged over every request, such as `{ return_token_ids: true }` for vLLM; what is null is not sent. */
  readonly extra?: Readonly<Record<string, Schema.Json>>
}

/** A LoRA directory in PEFT's format, as the server sees it. */
export interface Adapter {
  /** What requests call it. A new name for new weights: servers keep what they have loaded under one. */
  readonly name: string
  /** On the server's file system. */
  readonly path: string
}

/** vLLM's adapters, where it runs with `--enable-lora` and `VLLM_ALLOW_RUNTIME_LORA_UPDATING=True`. */
export class Adapters extends Context.Service<Adapters, {
  /**
   * Loads an adapter and answers with it from the next session on: the policy's next version. Refused while a session
   * is open.
   */
  readonly load: (adapter: Adapter) => Effect.Effect<void, PolicyError>
  /** Unloads an adapter; where it was the one that answers, the base model does again. */
  readonly unload: (name: string) => Effect.Effect<void, PolicyError>
}>()("rise/RemoteAdapters") {}

/** Where a key holds what no header can carry: most often a line's end, or a quote that was pasted with it. */
const checkKey = (key: string): string | undefined => {
  const at = key.search(/[^\x21-\x7e]/)
  return at < 0
    ? undefined
    : `the API key (apiKey or OPENAI_API_KEY) holds white space or a character beyond ASCII at position ${at}`
}

/** A key as it is kept from here on: in no message and no log. */
const secretOf = (apiKey: Options["apiKey"]): Redacted.Redacted<string> | undefined =>
  typeof apiKey === "string" ? Redacted.make(apiKey) : apiKey

const checkOptions = ({ apiKey, baseUrl, model }: Options): string | undefined => {
  if (typeof baseUrl !== "string") {
    return `baseUrl is ${String(baseUrl)}, expected an address such as http://localhost:8000/v1`
  }
  if (!URL.canParse(baseUrl)) {
    return `baseUrl is "${shownAddress(baseUrl)}", expected an address such as http://localhost:8000/v1`
  }
  const { password, protocol, search, username } = new URL(baseUrl)
  if (protocol !== "http:" && protocol !== "https:") return `baseUrl begins with ${protocol}, expected http: or https:`
  if (username !== "" || password !== "") return "baseUrl holds a user or a password; give a key as apiKey"
  if (search !== "") {
    return "baseUrl holds a query (behind \"?\"), expected no query: fields of one's own go into extra, a key " +
      "into apiKey"
  }
  if (typeof model !== "string" || model === "") {
    return `model is ${model === "" ? "empty" : String(model)}, expected the name the server knows it by`
  }
  if (apiKey === undefined) return undefined
  const key: unknown = Redacted.isRedacted(apiKey) ? Redacted.value(apiKey) : apiKey
  return typeof key === "string" ? checkKey(key) : `apiKey is a ${typeof key}, expected a string or a Redacted string`
}

/** What the options may be. */
const rules: Rules.Table = {
  baseUrl: any,
  model: any,
  apiKey: any,
  seed: required(whole()),
  system: { expected: "text", holds: (value) => typeof value === "string" },
  maxTokensField: oneOf("max_tokens", "max_completion_tokens"),
  logprobs: yesOrNo,
  images: record("a record such as { maxSide: 1024 }"),
  "images.maxSide": whole(1, 2 ** 16),
  "images.maxBytes": whole(1),
  extra: record("a record of fields"),
  attemptTimeout: duration,
  timeLimit: duration,
  backoff: duration,
  concurrency: whole(1, 4096),
  attempts: whole(1, 1000),
  maxResponseBytes: whole(1)
}

const make = Effect.fnUntraced(function*(options: Options) {
  const wrong = checkOptions(options)
  if (wrong !== undefined) return yield* new PolicyError({ operation: "load", reason: wrong })
  yield* Requests.checkAll("load", rules, options)
  const { concurrency = 8, model, seed, system } = options
  const secret = secretOf(options.apiKey)
  const apiKey = secret === undefined || Redacted.value(secret) === "" ? undefined : secret
  const baseUrl = options.baseUrl.replace(/\/+$/, "")
  // A gateway's address may hold the key as a part of its path.
  const clean = Secret.redactor(apiKey === undefined ? "" : Redacted.value(apiKey))
  const shownUrl = clean(shownAddress(baseUrl))
  const client = yield* Client.make({ ...options, baseUrl, apiKey })
  const dataUrl = DataUrl.make(options.images)
  const candidates = Candidates.make({
    client,
    seed,
    url: shownUrl,
    maxTokensField: options.maxTokensField ?? "max_tokens",
    logprobs: options.logprobs ?? true,
    extra: options.extra ?? {}
  })
  let version = 0
  let open = 0
  let served = model

  const messages = Effect.fnUntraced(function*({ images, text }: Prompt) {
    const urls = yield* Effect.forEach(images, dataUrl)
    const asked: Message = urls.length === 0
      ? { role: "user", content: text }
      : {
        role: "user",
        content: [...urls.map((url) => ({ type: "image_url" as const, image_url: { url } })), { type: "text", text }]
      }
    return system === undefined ? [asked] : [{ role: "system" as const, content: system }, asked]
  })

  const sample = (pinned: string): Session["sample"] =>
    Effect.fn("Policy.sample")(function*(requests, sampling) {
      if (sampling.grammar !== undefined) {
        const reason = "a grammar cannot be sent to a server: use grammar \"off\""
        return yield* new PolicyError({ operation: "sample", reason })
      }
      yield* Requests.check("sample", Requests.remoteSampling, sampling)
      return yield* Effect.forEach(
        requests,
        ({ key, prompt }): Effect.Effect<ReadonlyArray<Completion>, PolicyError> =>
          Effect.flatMap(messages(prompt), (messages) => candidates.draw({ model: pinned, messages, key, sampling }))
            .pipe(failing("sample")),
        // Pictures are encoded a few ahead of the requests that wait for a place.
        { concurrency: 2 * concurrency }
      )
    })

  const session = Effect.acquireRelease(
    Effect.sync((): Session => {
      open++
      return {
        version,
        oneByOne: concurrency,
        sample: sample(served),
        logprobs: () => notHere("logprobs", "cannot score given tokens")
      }
    }),
    () =>
      Effect.sync(() => {
        open--
      })
  )

  const notHere = (operation: PolicyError["operation"], what: string) =>
    Effect.fail(
      new PolicyError({
        operation,
        reason: `the policy "${model}" at ${shownUrl} is remote: it can be sampled, it ${what}. ` +
          `Use Policy.onnx({ model: DIRECTORY }) for that`
      })
    )

  const closed = (operation: PolicyError["operation"]) =>
    Effect.suspend(() =>
      open === 0 ? Effect.void : Effect.fail(
        new PolicyError({
          operation,
          reason: `${open} inference session(s) still open; their model would change half-way`
        })
      )
    )

  /** What its answer says is of no use: its status is the answer. */
  const command = (path: string, key: string, body: Readonly<Record<string, string>>) =>
    client.post({ path, key, body, read: () => Result.succeed(undefined) })

  const adapters = Adapters.of({
    load: ({ name, path }) =>
      Effect.gen(function*() {
        yield* closed("load")
        yield* command("/load_lora_adapter", `adapter/load/${name}`, { lora_name: name, lora_path: path })
        served = name
        version++
      }).pipe(failing("load")),
    unload: (name) =>
      Effect.gen(function*() {
        yield* closed("load")
        yield* command("/unload_lora_adapter", `adapter/unload/${name}`, { lora_name: name })
        if (served !== name) return
        served = model
        version++
      }).pipe(failing("load"))
  })

  const policy = Policy.of({
    session,
    beginStage: notHere("update", "cannot be trained"),
    update: () => notHere("update", "cannot be trained"),
    endStage: notHere("update", "cannot be trained"),
    snapshot: notHere("checkpoint", "has no weights to keep"),
    revert: () => notHere("restore", "has no weights to bring back"),
    saveSnapshot: () => notHere("checkpoint", "has no weights to keep"),
    loadSnapshot: () => notHere("restore", "has no weights to bring back"),
    checkpoint: () => notHere("checkpoint", "has no weights to write"),
    restore: () => notHere("restore", "has no weights to bring back"),
    save: () => notHere("save", "has no weights to write"),
    identity: { engine: "openai", model: `${options.model} at ${clean(shownAddress(options.baseUrl))}` },
    tokenizer: Option.none()
  })
  return Context.make(Policy, policy).pipe(Context.add(Adapters, adapters))
})

/** A policy that asks a server. Nothing is sent before the first sample. */
export const layer = (options: Options): Layer.Layer<Policy | Adapters, PolicyError, HttpClient.HttpClient> =>
  Layer.effectContext(make(options))
