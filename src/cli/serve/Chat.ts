/**
 * `/v1/chat/completions`: a request as a draw of the policy, and the draw as the protocol tells it.
 */
import { Effect } from "effect"
import { Distance } from "../../kernels/generate/index.ts"
import { look } from "../../pipelines/Annotated.ts"
import { TokenBudgetError } from "../../policy/onnx/ContextLimit.ts"
import type { Completion, PolicyError, SampleRequest } from "../../policy/Policy.ts"
import * as ChatFields from "./ChatFields.ts"
import * as Fault from "./Fault.ts"
import * as Messages from "./Messages.ts"
import * as Picture from "./Picture.ts"
import type { Served } from "./Served.ts"
import * as Stops from "./Stops.ts"

/** An answer before it is written. */
export interface Answer {
  readonly id: string
  readonly created: number
  readonly choices: ReadonlyArray<Stops.Told>
  readonly usage: {
    readonly prompt_tokens: number
    readonly completion_tokens: number
    readonly total_tokens: number
  }
}

/** What went wrong with a draw, to the one who asked. */
export const ofPolicy = ({ cause, reason }: PolicyError): Fault.Fault =>
  cause instanceof TokenBudgetError
    ? cause.imageTokens + cause.textTokens < cause.budget
      // The question fits: what is asked for behind it does not.
      ? Fault.invalid(
        `maximum context length: max_tokens is ${cause.following}, and ${cause.reason}`,
        "max_tokens",
        "context_length_exceeded"
      )
      : Fault.invalid(`maximum context length: ${cause.reason}`, "messages", "context_length_exceeded")
    : Fault.failed(reason)

/** Reads what is asked: everything that can be refused before a place is taken. */
export const request = Effect.fnUntraced(function*(served: Served, body: unknown) {
  const fields = yield* ChatFields.read(body, served.mostChoices)
  if (fields.model !== served.name) {
    return yield* Fault.invalid(
      `the model ${JSON.stringify(fields.model.slice(0, 80))} does not exist: this server has "${served.name}"`,
      "model",
      "model_not_found",
      404
    )
  }
  const limits = [fields.max_tokens, fields.max_completion_tokens].filter((limit) => limit != null)
  if (limits.length > 1) {
    return yield* Fault.invalid("max_tokens and max_completion_tokens are one limit: leave one out", "max_tokens")
  }
  const { images, text } = yield* Messages.read(fields.messages)
  const own = served.kind.prompts[served.form]
  if (text.trim() === "" && served.kind.asks) {
    return yield* Fault.invalid("the message asks nothing: this model answers a question about its picture", "messages")
  }
  const asked = text.trim() === "" ? own : text
  const stops: ReadonlyArray<string> = [fields.stop ?? []].flat()
  const grammar = yield* served.masks.of(fields, asked)
  const maxTokens = limits[0] ?? served.maxTokens
  const least = grammar === undefined ? 1 : Distance.shortest(Distance.of(grammar, [served.tokenizer.endOfTurn]))
  if (maxTokens < least) {
    return yield* Fault.invalid(
      `max_tokens is ${maxTokens}, expected at least ${least}: the shortest answer in this model's format takes so ` +
        "many; with \"mask\": false it may break off anywhere",
      "max_tokens"
    )
  }
  return { fields, images, text: asked, grammar, stops, count: fields.n ?? 1, maxTokens }
})
export type Request = Effect.Success<ReturnType<typeof request>>

const usageOf = (completions: ReadonlyArray<Completion>): Answer["usage"] => {
  const prompt_tokens = completions[0]?.promptTokens ?? 0
  const completion_tokens = completions.reduce((sum, { tokens }) => sum + tokens.length, 0)
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
}

/**
 * Draws the answer. The same seed, picture and question draw the same; without a seed every request draws anew.
 *
 * @param listen is told of its tokens as they are drawn
 */
export const answer = Effect.fnUntraced(
  function*(
    served: Served,
    { count, fields, grammar, images, maxTokens, stops, text }: Request,
    listen?: SampleRequest["listen"]
  ) {
    const id = crypto.randomUUID()
    const prepared = yield* Effect.forEach(images, (image, i) =>
      Effect.mapError(
        look(served.session, image),
        (error) => Picture.unreadable(error, `messages.0.content (picture ${i + 1})`)
      ))
    const pictures = images.map((image) => image.id).join()
    const key = fields.seed == null ? `chat/${id}` : `chat/seed=${fields.seed}/${pictures}/${text}`
    const [completions = []] = yield* served.session.sample(
      [{ prompt: { images: prepared.map(({ image }) => image), text }, key, ...(listen && { listen }) }],
      {
        count,
        maxTokens,
        temperature: fields.temperature ?? 1,
        topP: fields.top_p ?? 1,
        grammar
      }
    ).pipe(Effect.mapError(ofPolicy))
    const answered: Answer = {
      id: `chatcmpl-${id}`,
      created: Math.floor(Date.now() / 1000),
      choices: completions.map((completion) => Stops.told(completion, served.tokenizer, stops)),
      usage: usageOf(completions)
    }
    return answered
  }
)
