/**
 * Answers as the protocol writes them: whole, or as the events of a stream.
 */
import type { Spelled } from "../../policy/Spelled.ts"
import type { Answer, Request } from "./Chat.ts"
import type { Told } from "./Stops.ts"
import type { Piece } from "./Streamed.ts"

const encoder = new TextEncoder()

const scoreOf = ({ logprob, text }: Spelled) => ({
  token: text,
  logprob,
  bytes: [...encoder.encode(text)],
  top_logprobs: []
})

/** The end of the turn is told where token ids are: both are as long then, as vLLM has it. */
const shown = (tokens: ReadonlyArray<Spelled>, { fields }: Request): ReadonlyArray<Spelled> =>
  fields.return_token_ids === true ? tokens : tokens.filter(({ end }) => !end)

const logprobsOf = (tokens: ReadonlyArray<Spelled>, { fields }: Request) =>
  fields.logprobs === true ? { content: tokens.map(scoreOf), refusal: null } : null

const head = (model: string, { created, id }: Answer) => ({ id, created, model, system_fingerprint: null })

/** The body of an answer that is not streamed. */
export const whole = (model: string, answer: Answer, request: Request) => ({
  ...head(model, answer),
  object: "chat.completion",
  choices: answer.choices.map((choice, index) => {
    const tokens = shown(choice.tokens, request)
    return {
      index,
      message: { role: "assistant", content: choice.text, refusal: null },
      logprobs: logprobsOf(tokens, request),
      finish_reason: choice.finish,
      ...(request.fields.return_token_ids === true && { token_ids: tokens.map(({ token }) => token) })
    }
  }),
  usage: answer.usage
})

/** What each token adds to the text that is told: it is trimmed, and what the tokens wrote need not be. */
const piecesOf = ({ text, tokens }: Told, request: Request): ReadonlyArray<Piece> => {
  const shownTokens = shown(tokens, request)
  const begins = Math.max(0, shownTokens.map((token) => token.text).join("").indexOf(text))
  let at = 0
  return shownTokens.map((token) => {
    const [from, to] = [at - begins, at - begins + token.text.length]
    at += token.text.length
    return { token, piece: text.slice(Math.max(0, from), Math.max(0, to)) }
  })
}

const event = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`

/** What all events of a stream say. */
type Known = Pick<Answer, "created" | "id">

const chunk = (
  model: string,
  { created, id }: Known,
  { fields }: Request,
  choices: ReadonlyArray<object>,
  more: object = fields.stream_options?.include_usage === true ? { usage: null } : {}
): string => event({ id, created, model, system_fingerprint: null, object: "chat.completion.chunk", choices, ...more })

/** The first event of a stream, before anything is known of its answer. */
export const begun = (model: string, known: Known, request: Request): string =>
  Array.from({ length: request.count }, (_, index) => {
    const delta = { role: "assistant", content: "" }
    return chunk(model, known, request, [{ index, delta, logprobs: null, finish_reason: null }])
  }).join("")

/** What a token adds. */
export const told = (model: string, known: Known, request: Request, index: number, { piece, token }: Piece): string =>
  chunk(model, known, request, [{
    index,
    delta: { content: piece },
    logprobs: logprobsOf([token], request),
    finish_reason: null,
    ...(request.fields.return_token_ids === true && { token_ids: [token.token] })
  }])

/**
 * The events behind those: the pieces that are not told yet, why each choice ended, the usage where it is asked for.
 *
 * @param done pieces of each choice that are told
 */
export const events = (
  model: string,
  answer: Answer,
  request: Request,
  done: ReadonlyArray<number>
): ReadonlyArray<string> => [
  ...answer.choices.flatMap((choice, index) => [
    ...piecesOf(choice, request).slice(done[index]).map((piece) => told(model, answer, request, index, piece)),
    chunk(model, answer, request, [{ index, delta: {}, logprobs: null, finish_reason: choice.finish }])
  ]),
  ...(request.fields.stream_options?.include_usage === true
    ? [chunk(model, answer, request, [], { usage: answer.usage })]
    : []),
  "data: [DONE]\n\n"
]

/** What went wrong behind the first event. */
export const broken = (error: unknown): string => event(error)
