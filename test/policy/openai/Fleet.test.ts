/** Several servers behind one policy: who is asked, who is left alone, and what a server that comes back is told. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { against, ask, type Given } from "./against.ts"
import * as Server from "./server.ts"

/** A policy at the server of `against` and at another one. */
const withTwo = <A, E>(test: (given: Given, second: Server.Server) => Effect.Effect<A, E>, more: object = {}) =>
  Effect.scoped(Effect.gen(function*() {
    const second = yield* Server.start
    return yield* against({}, (given) => test(given, second), ({ baseUrl }) => ({
      baseUrl: [baseUrl, `${second.baseUrl}/`],
      ...more
    }))
  }))

const questions = (count: number) => Array.from({ length: count }, (_, i) => ask("Why is this joy?", `q${i}`))

const cut: Server.Behaviour = (response) => {
  response.destroy()
}

describe("several servers", () => {
  it.effect("share requests by what they have to do", () =>
    withTwo(({ draw, server }, second) =>
      Effect.gen(function*() {
        // The first keeps what it has until the second has answered four.
        const kept: Array<() => void> = []
        server.answer = (response, received) => void kept.push(() => void Server.behave(response, received))
        second.answer = (response, received) => {
          if (second.requests.length === 4) kept.forEach((answer) => answer())
          return Server.behave(response, received)
        }
        yield* draw({}, questions(6))
        assert.deepStrictEqual([server.requests.length, second.requests.length], [2, 4])
      }), { concurrency: 2 }))

  it.effect("lose nothing where one goes away in the midst; that is told once, and that it answers again", () =>
    withTwo(({ draw, log, server, waits }, second) =>
      Effect.gen(function*() {
        second.answer = (response, received) =>
          second.requests.length > 3 ? cut(response, received) : Server.behave(response, received)
        const drawn = yield* draw({}, questions(20))
        assert.isTrue(drawn.every(([completion]) => completion?.text.includes("festive")))
        assert.strictEqual(log.length, 1)
        assert.match(log[0]!, /: the connection failed.*its requests go to the other servers \(1 of 2 left\)/)
        // Requests go on at the other at once: nobody waits.
        assert.deepStrictEqual(waits, [])
        assert.isAtLeast(server.requests.length, 16)

        // After a while one request finds out; it is back, and shares again.
        second.answer = Server.behave
        const asked = second.requests.length
        yield* Effect.sleep("59 seconds")
        yield* draw({}, questions(2))
        yield* draw({}, questions(8))
        assert.match(log[1] ?? "", /answers again/)
        assert.isAtLeast(second.requests.length, asked + 3)
        assert.strictEqual(log.length, 2)
      })
    ))

  it.effect("are all asked again, later each time, where none answers", () =>
    withTwo(({ draw, server, waits }, second) =>
      Effect.gen(function*() {
        server.answer = cut
        second.answer = Server.send(503, "")
        const error = yield* Effect.flip(draw())
        assert.match(error.message, /the connection failed|the server answered 503/)
        assert.isAtLeast(waits.length, 2)
        assert.isTrue(server.requests.length >= 2 && second.requests.length >= 2)
      }), { attempts: 4 }))

  it.effect("have a limit of requests each", () =>
    withTwo(({ draw, server }, second) =>
      Effect.gen(function*() {
        const waiting: Array<() => void> = []
        const rounds: Array<number> = []
        for (const each of [server, second]) {
          each.answer = (response, received) => {
            waiting.push(() => void Server.behave(response, received))
            if (waiting.length !== 4) return
            setTimeout(() => {
              rounds.push(waiting.length)
              for (const go of waiting.splice(0)) go()
            }, 20)
          }
        }
        yield* draw({}, questions(12))
        assert.deepStrictEqual(rounds, [4, 4, 4])
      }), { concurrency: 2 }))

  it.effect("hold the same adapters, also one that was away when they were loaded", () =>
    withTwo(({ adapters, draw, server }, second) =>
      Effect.gen(function*() {
        yield* adapters.load({ name: "step-1", path: "/srv/1" })
        for (const each of [server, second]) {
          assert.deepStrictEqual(each.requests.map(({ body, path }) => [path, body.lora_name]), [
            ["/v1/load_lora_adapter", "step-1"]
          ])
        }
        second.answer = cut
        yield* adapters.load({ name: "step-2", path: "/srv/2" })
        yield* adapters.unload("step-1")
        yield* draw({}, questions(4))
        second.answer = (response, received) =>
          received.body.lora_name === "step-2"
            ? Server.send(400, { error: { message: "The lora adapter 'step-2' has already been loaded." } })(
              response,
              received
            )
            : Server.behave(response, received)
        const from = second.requests.length
        yield* Effect.sleep("59 seconds")
        yield* draw({}, questions(4))
        const told = second.requests.slice(from)
        assert.deepStrictEqual([told[0]?.path, told[0]?.body.lora_name], ["/v1/load_lora_adapter", "step-2"])
        assert.isAtLeast(told.length, 2)
        assert.isTrue(told.slice(1).every(({ body, path }) => path.endsWith("/completions") && body.model === "step-2"))
      })
    ))

  it.effect("refuse an adapter that one of them refuses", () =>
    withTwo(({ adapters, draw, server }, second) =>
      Effect.gen(function*() {
        second.answer = Server.send(404, { error: { message: "no such path" } })
        const error = yield* Effect.flip(adapters.load({ name: "a", path: "/nowhere" }))
        assert.match(error.message, /404.*no such path/)
        second.answer = Server.behave
        yield* draw()
        assert.strictEqual(server.requests.at(-1)?.body.model, "vl")
      })
    ))

  it.effect("cancel what is under way with the program", () =>
    withTwo(({ draw, server }, second) =>
      Effect.gen(function*() {
        server.answer = second.answer = () => {}
        const fiber = yield* Effect.forkChild(draw({}, questions(4)))
        while (server.requests.length + second.requests.length < 4) {
          yield* Effect.promise(() => new Promise(setImmediate))
        }
        yield* Fiber.interrupt(fiber)
        while (server.abandoned + second.abandoned < 4) yield* Effect.promise(() => new Promise(setImmediate))
      })
    ))

  it.effect("are held to what an address may be, each", () =>
    Effect.gen(function*() {
      for (
        const [baseUrl, expected] of [
          [[], /baseUrl is an empty list, expected an address/],
          [["http://a/v1", "b"], /baseUrl is "b", expected an address/],
          [["http://a/v1", "http://u:p@b/v1"], /holds a user or a password/],
          [["http://a/v1", "http://a/v1/"], /baseUrl lists http:\/\/a\/v1 twice/],
          [["http://a/v1", 7], /baseUrl is 7, expected an address/]
        ] as const
      ) {
        const error = yield* Effect.flip(against({ baseUrl: baseUrl as ReadonlyArray<string> }, () => Effect.void))
        assert.match((error as Error).message, expected)
      }
    }))
})
