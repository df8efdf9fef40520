/**
 * The HTTP server: one address, limits of time and number on its connections, and an end that waits for the answers
 * under way.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Console, Duration, Effect, Schema } from "effect"
import { HttpServer } from "effect/http"
import { createServer } from "node:http"
import * as SystemFault from "../../kernels/runtime/SystemFault.ts"
import * as Api from "./Api.ts"
import type { Served } from "./Served.ts"

export interface Options {
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  /** Longest time that a body may take to come, and, doubled for what surrounds it, a whole request. */
  readonly bodyTime: Duration.Duration
  /** How long answers that are under way may take when the server is stopped. */
  readonly drain: Duration.Duration
}

/** The address cannot be listened at. */
export class ListenError extends Schema.TaggedError<ListenError>()("ListenError", {
  address: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.address} cannot be listened at: ${this.reason}. Choose another --port, or --port 0 for a free one`
  }
}

/** Time for a request's head: it is a few lines. */
const HEAD = 10_000
/** Connections at a time, slow ones among them; further ones are closed. */
const CONNECTIONS = 512

const causeOf = (error: unknown): unknown =>
  typeof error === "object" && error !== null && "cause" in error ? causeOf(error.cause) : error

const reasonOf = (error: unknown): string => {
  const code = SystemFault.codeOf(error)
  if (code === "EADDRINUSE") return "another program listens there"
  if (code === "EADDRNOTAVAIL") return "this machine has no such address"
  return SystemFault.words(error)
}

/**
 * Serves until the scope closes. Then no request is taken any more, and those that have a place are answered within
 * `drain`.
 *
 * @returns the port
 */
export const serve = Effect.fnUntraced(function*(served: Served, { bodyTime, drain, host, port }: Options) {
  const shown = `${host.includes(":") ? `[${host}]` : host}:${port}`
  const server = yield* NodeHttpServer.make(() => {
    const made = createServer({
      headersTimeout: HEAD,
      requestTimeout: 2 * Duration.toMillis(bodyTime) + HEAD,
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: 5000
    })
    made.maxConnections = CONNECTIONS
    return made
  }, { host, port, gracefulShutdownTimeout: drain }).pipe(
    Effect.mapError((error) => new ListenError({ address: shown, reason: reasonOf(causeOf(error)) }))
  )
  yield* server.serve(Api.make(served))
  yield* Effect.addFinalizer(() =>
    Effect.andThen(
      served.places.close,
      Effect.suspend(() =>
        served.places.taken() === 0
          ? Effect.void
          : Console.error(`stopping: ${served.places.taken()} answers under way are waited for`)
      )
    )
  )
  return HttpServer.formatAddress(server.address)
})
