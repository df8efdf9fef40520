/**
 * A policy behind OpenAI-compatible servers: it can be asked for completions, not trained.
 *
 * A source of reasonings, a baseline to evaluate, or, with vLLM, the model under training served with its newest
 * adapter, and a reference that scores given tokens. Log-probabilities are the server's own; whether they follow
 * temperature and top-p is up to it.
 *
 * @module
 */
import { Context, Effect, Layer, Option, Redacted } from "effect"
import type { HttpClient } from "effect/http"
import { failing } from "../failing.ts"
import { shownAddress } from "../http/Address.ts"
import * as Endpoint from "../http/Endpoint.ts"
import * as Secret from "../http/Secret.ts"
import { type Completion, Policy, PolicyError, type Prompt, type Session } from "../Policy.ts"
import * as Requests from "../Requests.ts"
import * as Adapting from "./Adapters.ts"
import * as Bytes from "./Bytes.ts"
import * as Candidates from "./Candidates.ts"
import * as Client from "./Client.ts"
import * as DataUrl from "./DataUrl.ts"
import * as Masks from "./Masks.ts"
import * as Scores from "./Scores.ts"
import * as Settings from "./Settings.ts"
import type { Message } from "./Wire.ts"

export { type Adapter, Adapters } from "./Adapters.ts"
export type { Options } from "./Settings.ts"

const make = Effect.fnUntraced(function*(options: Settings.Options) {
  const wrong = Settings.checkOptions(options)
  if (wrong !== undefined) return yield* new PolicyError({ operation: "load", reason: wrong })
  yield* Requests.checkAll("load", Settings.rules, options, Settings.futile)
  const { charactersPerToken = 3, extra = {}, grammars = false, model, seed, system } = options
  const secret = Endpoint.secretOf(options.apiKey)
  const apiKey = secret === undefined || Redacted.value(secret) === "" ? undefined : secret
  const baseUrls = Settings.addressesOf(options.baseUrl)
  const concurrency = baseUrls.length * (options.concurrency ?? 8)
  // A gateway's address may hold the key as a part of its path.
  const clean = Secret.redactor(apiKey === undefined ? "" : Redacted.value(apiKey))
  const shownUrl = baseUrls.map((address) => clean(shownAddress(address))).join(", ")
  const client = yield* Client.make({ ...options, baseUrls, apiKey })
  const dataUrl = DataUrl.make(options.images)
  const candidates = Candidates.make({
    client,
    seed,
    url: shownUrl,
    maxTokensField: options.maxTokensField ?? "max_tokens",
    logprobs: options.logprobs ?? true,
    extra: { ...(grammars && { return_token_ids: true }), ...extra }
  })
  const name = `the policy "${model}" at ${shownUrl}`
  const masks = yield* Masks.make({ client, name, taken: grammars, charactersPerToken, extra })
  let open = 0

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
      yield* Requests.check("sample", Requests.remoteSampling, sampling)
      const { fields, mend } = yield* failing("sample")(masks.of(pinned, sampling))
      return yield* Effect.forEach(
        requests,
        ({ key, prompt }): Effect.Effect<ReadonlyArray<Completion>, PolicyError> =>
          Effect.flatMap(
            messages(prompt),
            (messages) => candidates.draw({ model: pinned, messages, key, sampling, fields })
          ).pipe(Effect.map((drawn) => drawn.map(mend)), failing("sample")),
        // Pictures are encoded a few ahead of the requests that wait for a place.
        { concurrency: 2 * concurrency }
      )
    })

  const closed = Effect.suspend(() =>
    open === 0 ? Effect.void : Effect.fail(
      new PolicyError({
        operation: "load",
        reason: `${open} inference session(s) still open; their model would change half-way`
      })
    )
  )
  const serving = Adapting.make({ client, model, closed })
  const scores = Scores.make({ client, name, messages, concurrency })

  const session = Effect.acquireRelease(
    Effect.sync((): Session => {
      open++
      return {
        version: serving.version(),
        oneByOne: concurrency,
        sample: sample(serving.served()),
        encode: scores.encode(serving.served()),
        logprobs: scores.logprobs(serving.served())
      }
    }),
    () =>
      Effect.sync(() => {
        open--
      })
  )

  const instead = "Use Policy.onnx({ model: DIRECTORY }) for that"
  const notHere = (operation: PolicyError["operation"], what: string) =>
    Effect.fail(
      new PolicyError({
        operation,
        reason: `${name} is remote: it can be sampled, it ${what}. ${instead}`
      })
    )

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
    identity: { engine: "openai", model: `${model} at ${shownUrl}`, ...(grammars && { grammars }) },
    unable: { training: `${name} is remote: it can be sampled, it cannot be trained. ${instead}` },
    tokenizer: Option.none(),
    spelling: grammars ? Bytes.tokenizer : undefined
  })
  return Context.make(Policy, policy).pipe(Context.add(Adapting.Adapters, serving.adapters))
})

/** A policy that asks servers. Nothing is sent before the first sample. */
export const layer = (
  options: Settings.Options
): Layer.Layer<Policy | Adapting.Adapters, PolicyError, HttpClient.HttpClient> => Layer.effectContext(make(options))
