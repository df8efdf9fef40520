/**
 * A server that speaks as a vLLM does, with the embedded checkpoint behind it: texts with their token ids and
 * log-probabilities, given tokens scored, adapters loaded while it runs. How it writes prompts as tokens is its own.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Context, Effect, Exit, Layer, Option, Scope } from "effect"
import * as Image from "../../../src/kernels/image/Image.ts"
import { Runtime } from "../../../src/kernels/runtime/index.ts"
import { directoryOf } from "../../../src/policy/Embedded.ts"
import { OnnxPolicy, Policy, type Prompt } from "../../../src/policy/index.ts"
import * as Server from "./server.ts"

/** No token of the vocabulary: given texts hold none. */
const PLACE = 900_000

export interface Vllm {
  readonly server: Server.Server
  /** Names of adapters that it holds. */
  readonly adapters: () => ReadonlyArray<string>
  /** What it answers ids with that it has scored. */
  ids: (ids: ReadonlyArray<number>) => ReadonlyArray<number>
}

const localOn = (services: Context.Context<Runtime.Runtime | NodeServices.NodeServices>, adapter?: string) =>
  Effect.map(
    Layer.build(
      OnnxPolicy.layer({
        model: directoryOf("embedded"),
        seed: 0,
        ...(adapter === undefined ? { trainable: "none" as const } : { lora: { adapter } })
      })
    ),
    (context) => Context.get(context, Policy)
  ).pipe(Effect.provideContext(services))

const promptOf = (body: Server.ChatBody): Prompt => {
  const url = Server.imageOf(body)
  return {
    images: url === "" ? [] : [Image.encoded(url, Buffer.from(url.slice(url.indexOf(",") + 1), "base64"))],
    text: Server.textOf(body)
  }
}

/** Starts one whose models compute on workers that are there, and share them. */
export const startOn = Effect.fnUntraced(function*<E>(runtime: Layer.Layer<Runtime.Runtime, E>) {
  const server = yield* Server.start
  const scope = yield* Effect.scope
  const services = yield* Layer.build(Layer.merge(runtime, NodeServices.layer))
  const local = (adapter?: string) => Scope.provide(localOn(services, adapter), scope)
  const models = new Map<string, Policy["Service"]>([["vl", yield* local()]])
  /** Prompts by the number that they begin with as tokens. */
  const written: Array<Prompt> = []
  const vllm: Vllm = { server, adapters: () => [...models.keys()].slice(1), ids: (ids) => ids }

  const tokensOf = (prompt: Prompt) => {
    const at = written.push(prompt) - 1
    return [1_000_000 + at, ...prompt.images.flatMap(() => [PLACE, PLACE, PLACE]), 9]
  }

  const answer = Effect.fnUntraced(function*(path: string, body: Server.ChatBody & Record<string, never>) {
    if (path.endsWith("/load_lora_adapter")) {
      const { lora_name: name = "", lora_path: at = "" } = body
      if (models.has(name)) return [400, { error: { message: `The lora adapter '${name}' has already been loaded.` } }]
      models.set(name, yield* local(at))
      return [200, "Success"]
    }
    if (path.endsWith("/unload_lora_adapter")) return [models.delete(body.lora_name ?? "") ? 200 : 404, "Success"]
    if (path.endsWith("/models")) return [200, { data: [...models.keys()].map((id) => ({ id })) }]
    if (!["/chat/completions", "/generate", "/tokenize"].some((end) => path.endsWith(end))) {
      return [404, { detail: "Not Found" }]
    }
    const policy = models.get(body.model)
    if (policy === undefined) return [404, { error: { message: `The model ${body.model} does not exist.`, code: 404 } }]
    if (path === "/tokenize") {
      const { prompt: text } = body as { readonly prompt?: unknown }
      const own = Option.getOrThrow(policy.tokenizer)
      return [200, { tokens: typeof text === "string" ? [...own.encode(text)] : tokensOf(promptOf(body)) }]
    }
    const session = yield* policy.session
    if (path === "/inference/v1/generate") {
      const { content_parts: parts, token_ids: sent } = body as unknown as {
        content_parts?: ReadonlyArray<{ url: string }>
        token_ids: ReadonlyArray<number>
      }
      const prompt = written[(sent[0] ?? 0) - 1_000_000] ?? { images: [], text: "" }
      // Every placeholder of a picture is filled, as many as there are.
      const ids = sent.flatMap((id, i) =>
        id === PLACE && sent[i - 1] !== PLACE && parts !== undefined ? [PLACE, PLACE, PLACE] : [id]
      )
      const from = ids.indexOf(9) + 1
      const given = Int32Array.from(ids.slice(from))
      const [own = new Float32Array(0)] = given.length === 0 ? [] : yield* session.logprobs([{ prompt, tokens: given }])
      return [200, {
        prompt_token_ids: vllm.ids(ids),
        prompt_logprobs: ids.map((id, i) => i === 0 ? null : { [id]: { logprob: own[i - from] ?? -1, rank: 1 } }),
        mm_placeholders: parts === undefined ? null : { image: [{ offset: 1, length: 3 }] },
        choices: []
      }]
    }
    const [drawn = []] = yield* session.sample([{ prompt: promptOf(body), key: `seed=${body.seed}` }], {
      count: body.n ?? 1,
      maxTokens: body.max_tokens ?? 16,
      temperature: body.temperature ?? 1
    })
    return [200, {
      choices: drawn.map(({ finish, logprobs, text, tokens }) => ({
        index: 0,
        finish_reason: finish,
        message: { role: "assistant", content: text },
        token_ids: body["return_token_ids"] === true ? [...tokens] : null,
        logprobs: { content: [...logprobs].map((logprob) => ({ token: "", logprob, bytes: null, top_logprobs: [] })) }
      }))
    }]
  })

  server.answer = async (response, received) => {
    const exit = await Effect.runPromiseExit(
      Effect.scoped(answer(received.path, received.body as Server.ChatBody & Record<string, never>))
    )
    const [status, body] = Exit.isSuccess(exit) ? exit.value : [500, { error: { message: String(exit.cause) } }]
    return Server.send(status as number, body)(response, received)
  }
  return vllm
})

/** Starts one with a worker of its own. */
export const start = startOn(Runtime.layer({ workers: 1, keep: 32 }))
