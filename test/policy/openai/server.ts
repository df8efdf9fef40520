/**
 * A real HTTP server that speaks the chat completions protocol, and misbehaves on request.
 *
 * It looks at the picture it is sent: the mean grey of a stub picture tells its mood, so an answer is right only when
 * the image arrived.
 */
import { Effect } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import sharp from "sharp"

interface Part {
  readonly type: string
  readonly text?: string
  readonly image_url?: { readonly url: string }
}

export interface ChatBody {
  readonly model: string
  readonly messages: ReadonlyArray<{ readonly role: string; readonly content: string | ReadonlyArray<Part> }>
  readonly temperature?: number
  readonly top_p?: number
  readonly max_tokens?: number
  readonly max_completion_tokens?: number
  readonly n?: number
  readonly seed?: number
  readonly logprobs?: boolean
  readonly lora_name?: string
  readonly lora_path?: string
  readonly [extra: string]: unknown
}

export interface Received {
  readonly path: string
  readonly headers: IncomingMessage["headers"]
  readonly body: ChatBody
}

/** Answers one request in its own way. */
export type Behaviour = (response: ServerResponse, received: Received) => void | Promise<void>

export interface Server {
  readonly baseUrl: string
  /** In the order they came. */
  readonly requests: Array<Received>
  /** Behaviours of the next requests; when there are none left, the server behaves. */
  readonly next: Array<Behaviour>
  /** How it answers who asks for its models: not one of its requests. */
  models: Behaviour
  /** How it behaves. */
  answer: Behaviour
  /** Requests whose client went away before the answer. */
  abandoned: number
}

export const send = (status: number, body: unknown, headers: Record<string, string> = {}): Behaviour => (response) => {
  response.writeHead(status, { "content-type": "application/json", ...headers })
  response.end(typeof body === "string" ? body : JSON.stringify(body))
}

export const choice = (content: string | null, more: object = {}) => ({
  index: 0,
  finish_reason: "stop",
  message: { role: "assistant", content },
  ...more
})
export const choices = (...contents: ReadonlyArray<string | null>) => ({
  id: "x",
  object: "chat.completion",
  choices: contents.map((content) => choice(content))
})

export const textOf = ({ messages }: ChatBody): string => {
  const content = messages.at(-1)?.content ?? ""
  return typeof content === "string" ? content : content.map(({ text }) => text ?? "").join("")
}

export const imageOf = ({ messages }: ChatBody): string => {
  const content = messages.at(-1)?.content ?? ""
  return typeof content === "string"
    ? ""
    : content.find(({ image_url }) => image_url !== undefined)?.image_url?.url ?? ""
}

const hints = [
  "we can see a bright festive smile here",
  "we can see a dark angry frown here",
  "we can see a wide scared eyes here"
]
const moods = ["joy", "anger", "fear"]

/** What it makes of a picture and a question of the stub task. */
const reply = async (body: ChatBody): Promise<string> => {
  const text = textOf(body)
  if (text.startsWith("Why")) return hints[moods.findIndex((mood) => text.includes(mood))] ?? "no idea"
  if (text.startsWith("Which")) return moods[hints.findIndex((hint) => text.includes(hint))] ?? "potato"
  const url = imageOf(body)
  if (url === "") return "ok"
  const { channels } = await sharp(Buffer.from(url.slice(url.indexOf(",") + 1), "base64")).stats()
  const seen = Math.round((channels[0]?.mean ?? 0) / 85)
  return text.startsWith("Think") ? `<think>${hints[seen]}</think><answer>${moods[seen]}</answer>` : moods[seen] ?? ""
}

/** Answers as often as it is asked to, with log-probabilities where they are wanted. */
export const behave: Behaviour = async (response, received) => {
  if (!received.path.endsWith("/chat/completions")) return send(200, "Success")(response, received)
  const { logprobs, n = 1 } = received.body
  const content = await reply(received.body)
  const given = logprobs === true
    ? {
      logprobs: {
        content: content.split(" ").map((token) => ({ token, logprob: -0.5, bytes: null, top_logprobs: [] }))
      }
    }
    : {}
  return send(200, { choices: Array.from({ length: n }, () => choice(content, given)), usage: { total_tokens: 9 } })(
    response,
    received
  )
}

/** A server on a free port of this machine; the scope ends it with all its connections. */
export const start = Effect.acquireRelease(
  Effect.callback<{ readonly server: ReturnType<typeof createServer>; readonly state: Server }>((resume) => {
    const server = createServer((request, response) => {
      response.on("close", () => {
        if (!response.writableEnded) state.abandoned++
      })
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        const received: Received = {
          path: request.url ?? "",
          headers: request.headers,
          body: JSON.parse(Buffer.concat(chunks).toString() || "{}")
        }
        if (request.method === "GET" && received.path.endsWith("/models")) return state.models(response, received)
        state.requests.push(received)
        void (state.next.shift() ?? state.answer)(response, received)
      })
    })
    const state: Server = {
      baseUrl: "",
      requests: [],
      next: [],
      models: send(200, { object: "list", data: [{ id: "vl", object: "model" }] }),
      answer: behave,
      abandoned: 0
    }
    server.listen(0, "127.0.0.1", () =>
      resume(Effect.succeed({
        server,
        state: Object.assign(state, { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` })
      })))
  }),
  ({ server }) =>
    Effect.callback<void>((resume) => {
      server.close(() => resume(Effect.void))
      server.closeAllConnections()
    })
).pipe(Effect.map(({ state }) => state))
