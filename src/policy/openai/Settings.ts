/** What a policy behind a server is made of. */
import type { Schema } from "effect"
import { type Futile, isNot } from "../../kernels/math/Futile.ts"
import * as Rules from "../../kernels/math/Rules.ts"
import { shownAddress, withoutSlash } from "../http/Address.ts"
import * as Endpoint from "../http/Endpoint.ts"
import type * as Client from "./Client.ts"
import type * as DataUrl from "./DataUrl.ts"
import type { Limit } from "./Fields.ts"

const { above, any, oneOf, record, required, whole, yesOrNo } = Rules

/** A server, and how it is asked. */
export interface Options extends Client.Limits {
  /**
   * With its version: `https://api.openai.com/v1`, `http://localhost:8000/v1`. Several that serve the same: each
   * request goes to the one with least to do, and one that fails is left out until it answers again.
   */
  readonly baseUrl: string | ReadonlyArray<string>
  /** As the server calls it. */
  readonly model: string
  /** Sent as a bearer token; local servers often need none. A string is taken, too. */
  readonly apiKey?: Endpoint.Key
  /** Seeds of requests and waits are keyed by it. */
  readonly seed: number
  /** A system message before every prompt. */
  readonly system?: string
  /** The field that limits new tokens. Default "max_tokens"; a server that refuses it by name is sent the other. */
  readonly maxTokensField?: Limit
  /** Ask for log-probabilities, where the server gives them. Default true. */
  readonly logprobs?: boolean
  /**
   * The server holds texts to grammars (vLLM's `structured_outputs`), which is tried once before the first of them.
   * Token ids are asked for, too (`return_token_ids`). Default false: a grammar is refused.
   */
  readonly grammars?: boolean
  /**
   * Free text before an annotation under a grammar takes at most so many characters for each of `maxTokens`: longer, it
   * would be cut off before the annotation. Default 3; English takes about 4, and at 1 no text is cut off.
   */
  readonly charactersPerToken?: number
  /** How large pictures are sent. Default: at most 2048 pixels a side and 4 MiB. */
  readonly images?: DataUrl.ImageLimits
  /** Fields merged over every request, such as `{ return_token_ids: true }` for vLLM; what is null is not sent. */
  readonly extra?: Readonly<Record<string, Schema.Json>>
}

/** The addresses as they are asked: without slashes at their ends. */
export const addressesOf = (baseUrl: Options["baseUrl"]): ReadonlyArray<string> =>
  (typeof baseUrl === "string" ? [baseUrl] : baseUrl).map(withoutSlash)

const expected = {
  example: "an address such as http://localhost:8000/v1",
  noQuery: "no query: fields of one's own go into extra (--extra), a key into apiKey (OPENAI_API_KEY)"
}

const checkAddress = (address: unknown) => Endpoint.checkAddress(address, expected)

const checkAddresses = (baseUrl: Options["baseUrl"]): string | undefined => {
  if (!Array.isArray(baseUrl)) return checkAddress(baseUrl)
  if (baseUrl.length === 0) return `baseUrl is an empty list, expected ${expected.example}`
  const wrong = baseUrl.map(checkAddress).find((wrong) => wrong !== undefined)
  if (wrong !== undefined) return wrong
  const addresses = addressesOf(baseUrl)
  const twice = addresses.find((address, i) => addresses.indexOf(address) !== i)
  return twice === undefined ? undefined : `baseUrl lists ${shownAddress(twice)} twice`
}

/** What is wrong with addresses, model or key, in words. */
export const checkOptions = ({ apiKey, baseUrl, model }: Options): string | undefined => {
  const wrong = checkAddresses(baseUrl)
  if (wrong !== undefined) return wrong
  if (typeof model !== "string" || model === "") {
    return `model is ${model === "" ? "empty" : String(model)}, expected the name the server knows it by`
  }
  return Endpoint.checkKey(apiKey, "the API key (apiKey or OPENAI_API_KEY)")
}

/** What the options may be. */
export const rules: Rules.Table = {
  baseUrl: any,
  model: any,
  apiKey: any,
  seed: required(whole()),
  system: { expected: "text", holds: (value) => typeof value === "string" },
  maxTokensField: oneOf("max_tokens", "max_completion_tokens"),
  logprobs: yesOrNo,
  grammars: yesOrNo,
  charactersPerToken: above(0),
  images: record("a record such as { maxSide: 1024 }"),
  "images.maxSide": whole(1, 2 ** 16),
  "images.maxBytes": whole(1),
  extra: record("a record of fields"),
  attemptTimeout: Endpoint.duration,
  timeLimit: Endpoint.duration,
  backoff: Endpoint.duration,
  concurrency: whole(1, 4096),
  attempts: whole(1, 1000),
  maxResponseBytes: whole(1)
}

/** What of it does nothing beside other options. */
export const futile: ReadonlyArray<Futile> = [{
  setting: "charactersPerToken",
  beside: "grammars",
  where: isNot(true),
  why: "without which texts are held to no grammar: leave charactersPerToken out, or set grammars to true"
}]
