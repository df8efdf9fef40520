/**
 * What the server answers, path by path. Whatever goes wrong is an answer with a status and a reason.
 */
import { Cause, Deferred, Effect, Exit, Fiber, Option, Queue, Schema, type Scope, Stream } from "effect"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { MissingQuestion } from "../../dsl/Question.ts"
import { ImageError } from "../../kernels/image/index.ts"
import { PolicyError } from "../../policy/Policy.ts"
import * as AnnotateBody from "./AnnotateBody.ts"
import * as Body from "./Body.ts"
import * as Chat from "./Chat.ts"
import * as ChatBody from "./ChatBody.ts"
import * as Fault from "./Fault.ts"
import * as Page from "./Page.ts"
import * as Picture from "./Picture.ts"
import type { Served } from "./Served.ts"
import * as Streamed from "./Streamed.ts"

type Response = HttpServerResponse.HttpServerResponse
type Handler = (
  served: Served,
  request: HttpServerRequest.HttpServerRequest
) => Effect.Effect<Response, Fault.Fault, Scope.Scope>

const json = (body: unknown) => Effect.succeed(HttpServerResponse.jsonUnsafe(body))

const recordOf = Schema.decodeUnknownOption(Schema.Record(Schema.String, Schema.Json))

/** With all that a client needs to ask it as it was trained: the task as `rise-task.json` describes it. */
const modelOf = ({ created, form, kind, name, parameters }: Served) => ({
  id: name,
  object: "model",
  created,
  owned_by: "rise",
  parameters,
  task: {
    ...kind.shape,
    form,
    question: kind.prompts[form],
    ...Option.match(recordOf(kind.described), {
      onNone: () => ({}),
      onSome: (described) => ({ description: { ...described, form } })
    })
  }
})

/** How long a first token is waited for before a stream is begun: until then a fault still has its status. */
const PATIENCE = "5 seconds"
/** What keeps a silent stream open: proxies cut one after a minute or less. */
const BEAT = "10 seconds"

const sse = (events: Stream.Stream<string>): Response =>
  HttpServerResponse.stream(Stream.encodeText(events), { contentType: "text/event-stream" })

const chat: Handler = Effect.fnUntraced(function*(served, request) {
  const bytes = yield* served.bodies.read(request)
  const asked = yield* Chat.request(served, yield* Body.json(bytes))
  yield* served.places.take(asked.count)
  if (asked.fields.stream !== true) {
    return yield* json(ChatBody.whole(served.name, yield* served.places.within(Chat.answer(served, asked)), asked))
  }
  const known = { id: `chatcmpl-${crypto.randomUUID()}`, created: Math.floor(Date.now() / 1000) }
  const pieces = yield* Queue.unbounded<string, Cause.Done>()
  const begun = yield* Deferred.make<void>()
  const tokenizer = served.tokenwise ? served.tokenizer : { decode: undefined }
  const { listen, told } = Streamed.make(tokenizer, asked.count, asked.stops, (index, piece) => {
    Queue.offerUnsafe(pieces, ChatBody.told(served.name, known, asked, index, piece))
    Deferred.doneUnsafe(begun, Effect.void)
  })
  const fiber = yield* served.places.within(Chat.answer(served, asked, listen)).pipe(
    Effect.ensuring(Queue.end(pieces)),
    Effect.forkScoped
  )
  const soon = yield* Effect.raceFirst(
    Effect.asSome(Fiber.await(fiber)),
    Effect.as(Effect.timeoutOption(Deferred.await(begun), PATIENCE), Option.none())
  )
  if (Option.isSome(soon)) yield* soon.value
  const rest = Stream.unwrap(Effect.map(
    Fiber.await(fiber),
    Exit.match({
      onSuccess: (answer) => Stream.fromIterable(ChatBody.events(served.name, { ...answer, ...known }, asked, told)),
      onFailure: (cause) => {
        const error = Cause.squash(cause)
        return Stream.succeed(
          ChatBody.broken(Fault.bodyOf(error instanceof Fault.Fault ? error : Fault.failed(String(error))))
        )
      }
    })
  ))
  // The first tick is at once.
  const beats = Stream.tick(BEAT).pipe(Stream.drop(1), Stream.map(() => ": at work\n\n"))
  return sse(
    Stream.concat(
      Stream.succeed(ChatBody.begun(served.name, known, asked)),
      Stream.merge(beats, Stream.concat(Stream.fromQueue(pieces), rest), { haltStrategy: "right" })
    )
  )
})

const annotate: Handler = Effect.fnUntraced(function*(served, request) {
  const bytes = yield* served.bodies.read(request)
  const { image, name = "picture", question } = yield* AnnotateBody.read(request, bytes)
  const said = question?.trim() === "" ? undefined : question
  if (served.kind.asks !== (said !== undefined)) {
    return yield* Fault.invalid(
      served.kind.asks
        ? "this model answers a question about its picture: send it as \"question\""
        : "this model asks every picture the same: leave \"question\" out",
      "question"
    )
  }
  yield* served.places.take(1)
  const row = yield* served.places.within(served.annotate(image, said)).pipe(
    Effect.mapError((error) =>
      error instanceof Fault.Fault
        ? error
        : error instanceof ImageError
        ? Picture.unreadable(error, "image")
        : error instanceof PolicyError
        ? Chat.ofPolicy(error)
        : error instanceof MissingQuestion
        ? Fault.invalid(error.message, "question")
        : Fault.failed(error.message)
    )
  )
  return yield* json({ model: served.name, ...row, image: name })
})

const models: Handler = (served) => json({ object: "list", data: [modelOf(served)] })

const health: Handler = ({ bodies, line, name, places }) =>
  places.closed()
    ? Effect.fail(Fault.unavailable("the server is being stopped", 5))
    : json({ status: "ok", model: name, places: places.taken(), heldBytes: bodies.held(), ...line.passes() })

interface Route {
  readonly handler: Handler
  /** Whether anybody may see it: the page asks for the token itself. */
  readonly open?: true
}

const routes: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
  "/": { GET: { handler: () => Effect.succeed(Page.html), open: true } },
  "/page.css": { GET: { handler: () => Effect.succeed(Page.style), open: true } },
  "/page.js": { GET: { handler: () => Effect.succeed(Page.script), open: true } },
  "/health": { GET: { handler: health, open: true } },
  "/annotate": { POST: { handler: annotate } },
  "/v1/models": { GET: { handler: models } },
  "/v1/chat/completions": { POST: { handler: chat } }
}

const find = (path: string, name: string): Readonly<Record<string, Route>> | undefined =>
  routes[path] ?? (path === `/v1/models/${encodeURIComponent(name)}` || path === `/v1/models/${name}`
    ? { GET: { handler: (served) => json(modelOf(served)) } }
    : undefined)

const route = Effect.fnUntraced(function*(served: Served, request: HttpServerRequest.HttpServerRequest) {
  yield* served.access.address(request)
  const path = request.url.split("?")[0] ?? "/"
  const ways = find(path, served.name)
  if (ways === undefined) {
    return yield* Fault.invalid(
      `there is nothing at ${JSON.stringify(path.slice(0, 80))}: this server has ${Object.keys(routes).join(", ")}`,
      null,
      "not_found",
      404
    )
  }
  const method = request.method === "HEAD" ? "GET" : request.method
  const found = ways[method]
  if (found === undefined) {
    const allowed = Object.keys(ways).join(", ")
    return HttpServerResponse.setHeader(
      Fault.response(Fault.invalid(`${path} takes ${allowed}, not ${request.method}`, null, "method_not_allowed", 405)),
      "allow",
      allowed
    )
  }
  if (found.open !== true) yield* served.access.token(request)
  return yield* found.handler(served, request)
})

/** What every answer says: nothing of it is kept, guessed at or shown inside of another page. */
const always = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin"
}

/** The whole of it. */
export const make = (served: Served) =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => route(served, request)).pipe(
    Effect.catchCause((cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
      const error = Cause.squash(cause)
      const fault = error instanceof Fault.Fault ? error : undefined
      return Effect.as(
        fault === undefined || fault.status === 500 ? Effect.logError(cause) : Effect.void,
        Fault.response(fault ?? Fault.failed("the server failed: its log says how"))
      )
    }),
    // Who waits for the next request on a connection would keep a server that is stopped.
    Effect.map((response) =>
      HttpServerResponse.setHeaders(response, { ...always, ...(served.places.closed() && { connection: "close" }) })
    )
  )
