/** Connections that fail because nobody is there, told by their codes from those that fail otherwise. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { HttpClient, HttpClientError, HttpClientRequest } from "effect/http"
import { createServer } from "node:net"
import { isUnreachable } from "../../../src/policy/http/unreachable.ts"

const failure = (url: string) =>
  Effect.flatMap(HttpClient.HttpClient, (http) => Effect.flip(http.execute(HttpClientRequest.get(url)))).pipe(
    Effect.provide(NodeHttpClient.layerUndici)
  )

/** A port whose server hangs up on everybody who calls. */
const rude = Effect.acquireRelease(
  Effect.callback<ReturnType<typeof createServer>>((resume) => {
    const server = createServer((socket) => socket.destroy())
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.close())
)

describe("an address where nobody is", () => {
  it.live("is one where nobody listens, and not one that hangs up", () =>
    Effect.gen(function*() {
      assert.isTrue(isUnreachable(yield* failure("http://127.0.0.1:1/")))
      const server = yield* rude
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      assert.isFalse(isUnreachable(yield* failure(`http://127.0.0.1:${port}/`)))
    }).pipe(Effect.scoped))

  it("is told by the code of a cause, whatever its words are", () => {
    const request = HttpClientRequest.get("http://127.0.0.1/")
    const of = (cause: unknown) =>
      isUnreachable(
        new HttpClientError.HttpClientError({
          reason: new HttpClientError.TransportError({ request, cause })
        })
      )
    const coded = (code: string, message = "", cause?: unknown) =>
      Object.assign(new Error(message, { cause }), { code })
    for (const code of ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH"]) {
      assert.isTrue(of(coded(code)))
      assert.isTrue(of(new Error("outer", { cause: coded(code) })))
    }
    assert.isFalse(of(coded("ECONNRESET", "not ECONNREFUSED")))
    assert.isFalse(of(undefined))
    // Of several addresses the code of the first stands for all.
    const several = (...causes: ReadonlyArray<Error>) =>
      Object.assign(new AggregateError(causes), { code: "code" in causes[0]! ? causes[0].code : "" })
    assert.isTrue(of(several(coded("ETIMEDOUT"), coded("ECONNREFUSED"))))
    assert.isTrue(of(new Error("fetch failed", { cause: several(coded("ETIMEDOUT"), coded("EHOSTUNREACH")) })))
    assert.isFalse(of(several(coded("ETIMEDOUT"), coded("ECONNRESET"))))
    // Causes that never end.
    const [round, within] = [new Error("round"), new AggregateError([])]
    round.cause = round
    within.errors.push(within, round)
    assert.isFalse(of(round))
    assert.isFalse(of(within))
  })
})
