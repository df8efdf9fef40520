/**
 * Servers that are asked instead of a model directory.
 */
import type { Option, Schema } from "effect"
import { Flag } from "effect/cli"
import { asking, sampler } from "../engine/flags.ts"
import { jsonObject, text } from "../values.ts"

/** A server to ask instead of a model directory. */
export const remote = {
  remote: text("remote", "URL", "an address such as http://127.0.0.1:8000/v1").pipe(
    Flag.withDescription(
      "Ask an OpenAI-compatible server instead, by its address with /v1, or several with commas that serve the same; " +
        "the key is OPENAI_API_KEY of the environment; default: a model directory"
    ),
    Flag.optional
  ),
  remoteModel: Flag.String("remote-model").pipe(
    Flag.withDescription("The model as that server calls it; needed with --remote, default: none"),
    Flag.withMetavar("NAME"),
    Flag.withDefault("")
  ),
  sampler
}

/** The same, and engines that train: for commands that ask one model. */
export const elsewhere = { ...remote, ...asking }

export interface Remote {
  /** One address, or several with commas. */
  readonly remote: Option.Option<string>
  readonly remoteModel: string
  /** Whether the servers hold texts to grammars, as those of `--sampler` do. */
  readonly grammars?: boolean
}

/** What a server's requests hold beside the question. */
export const requests = {
  maxTokensField: Flag.Literals("max-tokens-field", ["max_tokens", "max_completion_tokens"]).pipe(
    Flag.withDescription(
      "How the server calls the limit of new tokens; default: max_tokens, the other where it refuses that"
    ),
    Flag.optional
  ),
  extra: jsonObject("extra").pipe(
    Flag.withDescription(
      "Fields of every request to the server, over all others; one that is null is left out; default: none"
    ),
    Flag.optional
  )
}

export interface Requests {
  readonly maxTokensField: Option.Option<"max_tokens" | "max_completion_tokens">
  readonly extra: Option.Option<Readonly<Record<string, Schema.Json>>>
}
