/** Fields that a server does not take: left out or said otherwise, told once, and never asked for in circles. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { against, ask, remote } from "./against.ts"
import * as Server from "./server.ts"

/** Refuses requests that hold a field. */
const without = (field: string, status: number, message: string): Server.Behaviour => (response, received) =>
  (field in received.body ? Server.send(status, { error: { message } }) : Server.behave)(response, received)

const many = Array.from({ length: 12 }, (_, i) => ask(`Why is this joy? ${i}`))

const both = [["max_tokens", "max_completion_tokens"], ["max_completion_tokens", "max_tokens"]] as const

describe("a field that is refused", () => {
  it.effect("logprobs is left out by whatever status and in whatever words, and confidences are unknown", () =>
    Effect.forEach(
      [400, 403, 404, 422, 500, 501] as const,
      (status) =>
        against({}, ({ draw, log, server, waits }) =>
          Effect.gen(function*() {
            server.answer = without("logprobs", status, "Logprobs is not enabled")
            const found = yield* draw({}, many)
            assert.isTrue(
              found.every(([one]) => one!.text !== "" && one!.logprobs.length === 0 && one!.fault === undefined)
            )
            // Those under way together are refused once each.
            assert.isAtMost(server.requests.length, 2 * many.length)
            assert.deepStrictEqual(waits, [])
            assert.strictEqual(log.length, 1)
            assert.match(
              log[0]!,
              /refuses the field logprobs \(Logprobs is not enabled\): it is left out: confidences are unknown/
            )
          })),
      { discard: true }
    ))

  it.effect("max_tokens is sent as max_completion_tokens, and the other way round", () =>
    Effect.forEach(
      both,
      ([refused, taken]) =>
        against({ maxTokensField: refused }, ({ draw, log, server }) =>
          Effect.gen(function*() {
            server.answer = without(
              refused,
              400,
              `Unsupported parameter: '${refused}' is not supported with this model. Use '${taken}' instead.`
            )
            yield* draw({}, many)
            yield* draw()
            assert.strictEqual(server.requests.at(-1)!.body[taken], 20)
            assert.notProperty(server.requests.at(-1)!.body, refused)
            assert.strictEqual(log.length, 1)
            assert.include(log[0]!, `${taken} is sent instead`)
          })),
      { discard: true }
    ))

  it.effect("temperature is left out, and the warning says what that changes", () =>
    against({}, ({ draw, log, server }) =>
      Effect.gen(function*() {
        server.answer = without(
          "temperature",
          400,
          "'temperature' does not support 0 with this model. Only the default (1) is supported."
        )
        assert.isDefined((yield* draw({ temperature: 0 }))[0]![0]!.text)
        assert.notProperty(server.requests.at(-1)!.body, "temperature")
        assert.match(log.join(), /the server's own temperature/)
      })))

  it.effect("several in turn, each once", () =>
    against({}, ({ draw, log, server }) =>
      Effect.gen(function*() {
        server.answer = (response, received) => {
          const untaken = ["temperature", "top_p", "max_tokens", "seed", "logprobs", "n"]
          const field = untaken.find((name) => name in received.body)
          return field === undefined
            ? Server.behave(response, received)
            : Server.send(400, { error: { message: `unsupported parameter`, param: field } })(response, received)
        }
        assert.strictEqual((yield* draw({ count: 2, topP: 0.9 }))[0]!.length, 2)
        assert.strictEqual(server.requests.length, 6 + 2)
        assert.strictEqual(log.length, 6)
        assert.sameMembers(Object.keys(server.requests.at(-1)!.body), ["model", "messages", "max_completion_tokens"])
      })))

  it.effect("ends with the server's words where nothing can stand for it", () =>
    against({}, ({ draw, server }) =>
      Effect.gen(function*() {
        server.answer = (response, received) => {
          const field = "max_tokens" in received.body ? "max_tokens" : "max_completion_tokens"
          return Server.send(400, { error: { message: `unknown field '${field}'` } })(response, received)
        }
        const error = yield* Effect.flip(draw())
        assert.match(error.message, /unknown field 'max_completion_tokens'/)
        assert.strictEqual(server.requests.length, 2)
      })))

  it.effect("is the caller's where it comes from extra: never dropped, nor said twice; null leaves a field out", () =>
    against(
      { extra: { temperature: 0.5, max_completion_tokens: 7, seed: null } },
      ({ draw, server }) =>
        Effect.gen(function*() {
          yield* draw()
          const { messages: _, ...rest } = server.requests[0]!.body
          assert.deepStrictEqual(rest, { model: "vl", temperature: 0.5, max_completion_tokens: 7, logprobs: true })
          server.answer = without("temperature", 400, "unsupported parameter: temperature")
          const error = yield* Effect.flip(draw())
          assert.strictEqual(remote(error).kind, "status")
          assert.strictEqual(server.requests.length, 2)
        })
    ))

  it.effect("is not what a prompt that is too long is about", () =>
    against({}, ({ draw, log, server }) =>
      Effect.gen(function*() {
        server.next.push(Server.send(400, {
          object: "error",
          code: 400,
          message: "'max_tokens' is too large: 512. This model's maximum context length is 4096 tokens"
        }))
        const found = yield* draw()
        assert.match(found[0]![0]!.fault!, /refused the request \(400\).*context length/)
        yield* draw()
        assert.property(server.requests.at(-1)!.body, "max_tokens")
        assert.deepStrictEqual(log, [])
      })))
})
