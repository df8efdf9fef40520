/**
 * Answers as the protocol writes them: whole, or as the events of a stream.
 */
import type { Answer, Request } from "./Chat.ts"
import type { Spelled } from "./Spelled.ts"
import type { Told } from "./Stops.ts"

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
const piecesOf = ({ text, tokens }: Told, request: Request) => {
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

/** The first event of a stream, before anything is known of its answer. */
export const begun = (model: string, answer: Pick<Answer, "created" | "id">, request: Request): string =>
  Array.from({ length: request.count }, (_, index) =>
    event({
      ...head(model, { ...answer, choices: [], usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 } }),
      object: "chat.completion.chunk",
      choices: [{ index, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null }]
    })).join("")

/** All events behind the first: a piece a token, why it ended, and the usage where it is asked for. */
export const events = (model: string, answer: Answer, request: Request): ReadonlyArray<string> => {
  const { fields } = request
  const chunk = (choices: ReadonlyArray<object>, more: object = {}) =>
    event({ ...head(model, answer), object: "chat.completion.chunk", choices, ...more })
  const usage = fields.stream_options?.include_usage === true
  const null_ = usage ? { usage: null } : {}
  return [
    ...answer.choices.flatMap((choice, index) => [
      ...piecesOf(choice, request).map(({ piece, token }) =>
        chunk([{
          index,
          delta: { content: piece },
          logprobs: logprobsOf([token], request),
          finish_reason: null,
          ...(fields.return_token_ids === true && { token_ids: [token.token] })
        }], null_)
      ),
      chunk([{ index, delta: {}, logprobs: null, finish_reason: choice.finish }], null_)
    ]),
    ...(usage ? [chunk([], { usage: answer.usage })] : []),
    "data: [DONE]\n\n"
  ]
}

/** What went wrong behind the first event. */
export const broken = (error: unknown): string => event(error)
