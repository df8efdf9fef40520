/**
 * Servers that draw: is each there, does it serve the model, and can what it draws be learned from.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Effect, Option, Redacted, Result } from "effect"
import * as PolicyGrammar from "../../dsl/grammar/PolicyGrammar.ts"
import { Image } from "../../kernels/image/index.ts"
import { environmentKey } from "../../policy/environmentKey.ts"
import { shownAddress, withoutSlash } from "../../policy/http/Address.ts"
import { Policy } from "../../policy/index.ts"
import * as Policies from "../../policy/layers.ts"
import * as Reach from "../../policy/openai/Reach.ts"
import { Emotion6 } from "../../tasks/classification/index.ts"
import { isEmbedded } from "../embedded.ts"
import { type Finding, note, ok, wrong } from "./Finding.ts"

const square = Image.rendered("doctor", () => ({ width: 56, height: 56, data: new Uint8Array(56 * 56 * 3).fill(127) }))

/** What a server can do, and what it is started with where it cannot. */
interface Trial {
  readonly can: string
  readonly mend: string
}

const trials = {
  ids: { can: "token ids and log-probabilities", mend: "a vLLM (return_token_ids)" },
  masks: { can: "texts held to a grammar", mend: "a vLLM with structured outputs" },
  masked: { can: "log-probabilities under it", mend: "--logprobs-mode processed_logprobs" },
  scores: { can: "scores of given tokens", mend: "--enable-scale-out" },
  adapters: {
    can: "adapters loaded while it runs",
    mend: "--enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"
  }
} as const satisfies Readonly<Record<string, Trial>>

const prompt = { images: [square], text: "What is in this picture?" }

const drawn = (grammar: Parameters<Effect.Success<Policy["Service"]["session"]>["sample"]>[1]["grammar"]) =>
  Effect.gen(function*() {
    const { session } = yield* Policy
    const requests = [{ prompt, key: "doctor" }]
    const [[completion] = []] = yield* Effect.scoped(
      Effect.flatMap(session, (session) => session.sample(requests, { count: 1, maxTokens: 32, grammar }))
    )
    return completion
  })

/** Tries all of it, pictures first: without these nothing else matters. */
const able = Effect.gen(function*() {
  const plain = yield* drawn(undefined)
  const fault = plain?.fault ?? plain?.refused?.reason
  if (plain === undefined || fault !== undefined) {
    return wrong("", `it draws nothing for a picture: ${fault ?? "no text came"}`)
  }
  const { session } = yield* Policy
  const ids = plain.tokens.length > 0 && plain.tokens.every((token) => token >= 0) &&
    plain.logprobs.length === plain.tokens.length
  const under = yield* Effect.result(Effect.flatMap(PolicyGrammar.ofAnswer(Emotion6.task, "answer"), drawn))
  const masks = Result.isSuccess(under)
  const scores = yield* Effect.result(
    Effect.scoped(
      Effect.flatMap(session, ({ logprobs }) => logprobs([{ prompt, tokens: ids ? plain.tokens : Int32Array.of(1) }]))
    )
  )
  return {
    ids,
    masks,
    masked: masks && (under.success?.logprobs.length ?? 0) > 0,
    scores: Result.isSuccess(scores)
  }
})

const one = Effect.fnUntraced(function*(address: string, model: string, apiKey: Redacted.Redacted<string> | undefined) {
  const baseUrl = withoutSlash(address)
  const shown = shownAddress(baseUrl)
  const about = "sampler"
  const names = yield* Reach.models(baseUrl, apiKey)
  const name = model === "" ? names[0] ?? "" : model
  if (!names.includes(name)) {
    return wrong(
      about,
      `${shown} serves ${names.join(", ") || "nothing"}, not "${name}"`,
      `--model ${names[0] ?? "NAME"}`
    )
  }
  const adapters = yield* Reach.takesAdapters(baseUrl, apiKey)
  const found = yield* able.pipe(Effect.provide(
    Policies.openai({ baseUrl, model: name, grammars: true, attempts: 1, timeLimit: "2 minutes" })
  ))
  if ("about" in found) return { ...found, about, text: `${shown}: ${found.text}` }
  const can = { ...found, adapters }
  const keys = Object.keys(trials).filter((key): key is keyof typeof trials => key in trials)
  const has = keys.filter((key) => can[key]).map((key) => trials[key].can)
  const lacks = keys.filter((key) => !can[key])
  const text = `${shown}: ${name} takes pictures; ${has.length === 0 ? "nothing else" : has.join(", ")}`
  return lacks.length === 0 ? ok(about, text) : note(
    about,
    `${text}; not: ${lacks.map((key) => trials[key].can).join(", ")}`,
    `start it with ${[...new Set(lacks.map((key) => trials[key].mend))].join(", ")}`
  )
})

/** What there is to say of servers that draw, one finding each. */
export const sampler = (
  { model, sampler = Option.none() }: {
    readonly model: string
    readonly sampler?: Option.Option<ReadonlyArray<string>>
  }
): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.forEach(Option.getOrElse(sampler, (): ReadonlyArray<string> => []), (address) =>
    Effect.gen(function*() {
      const apiKey = yield* environmentKey("OPENAI_API_KEY")
      return yield* one(address, isEmbedded({ model }) ? "" : model, apiKey)
    }).pipe(
      Effect.provide(NodeHttpClient.layerUndici),
      Effect.catch((error) =>
        Effect.succeed(
          wrong(
            "sampler",
            `${shownAddress(address)}: ${error.message}`,
            error instanceof Reach.Unreachable && (error.status === 401 || error.status === 403)
              ? "it wants a key: set OPENAI_API_KEY of the environment to one of this server's"
              : "is it running, and is the address right, with /v1? --sampler vllm=http://HOST:PORT/v1"
          )
        )
      )
    ))
