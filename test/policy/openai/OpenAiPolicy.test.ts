/**
 * The remote policy against a real server: what it asks, what it makes of the answers, and what it does when there are
 * none.
 */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Option, Result } from "effect"
import { inspect } from "node:util"
import sharp from "sharp"
import * as Image from "../../../src/kernels/image/Image.ts"
import * as Keyed from "../../../src/kernels/math/Keyed.ts"
import * as Retry from "../../../src/policy/http/Retry.ts"
import { Objective, type OpenAiPolicy, type PolicyError, type SampleRequest } from "../../../src/policy/index.ts"
import type { RemoteError } from "../../../src/policy/openai/RemoteError.ts"
import { against, ask, type Given, KEY, remote } from "./against.ts"
import * as Server from "./server.ts"

const seeds = ({ requests }: Server.Server) => requests.map(({ body }) => body.seed)

describe("what is asked", () => {
  it.effect("model, message, limits, seed and key; the picture as a data URL of its own pixels", () =>
    against({ system: "Be brief.", extra: { return_token_ids: true } }, ({ draw, server }) =>
      Effect.gen(function*() {
        const data = Uint8Array.from({ length: 6 * 4 * 3 }, (_, i) => i * 3)
        const picture = Image.rendered("p", () => ({ width: 6, height: 4, data }))
        yield* draw({ temperature: 0.7, topP: 0.9 }, [{ prompt: { images: [picture], text: "Why?" }, key: "k" }])
        const { body, headers, path } = server.requests[0]!
        assert.strictEqual(path, "/v1/chat/completions")
        assert.strictEqual(headers.authorization, `Bearer ${KEY}`)
        const { messages, seed, ...rest } = body
        assert.deepStrictEqual(rest, {
          model: "vl",
          temperature: 0.7,
          max_tokens: 20,
          top_p: 0.9,
          logprobs: true,
          return_token_ids: true
        })
        assert.isTrue(Number.isInteger(seed) && seed! >= 0 && seed! < 2 ** 31)
        assert.deepStrictEqual(messages[0], { role: "system", content: "Be brief." })
        const url = Server.imageOf(body)
        assert.isTrue(url.startsWith("data:image/png;base64,"))
        const decoded = yield* Effect.promise(() =>
          sharp(Buffer.from(url.slice(url.indexOf(",") + 1), "base64")).raw().toBuffer({ resolveWithObject: true })
        )
        assert.deepStrictEqual([decoded.info.width, decoded.info.height, decoded.info.channels], [6, 4, 3])
        assert.deepStrictEqual([...decoded.data], [...data])
      })))

  it.effect(
    "pictures are shrunk to the longest side, sent as JPEG where a PNG is too large, and refused beyond " +
      "that",
    () => {
      const noise = Image.rendered(
        "noise",
        () => ({
          width: 300,
          height: 100,
          data: Uint8Array.from(Keyed.uniforms(1, "noise", new Float32Array(90_000)), (u) => u * 256)
        })
      )
      const request: SampleRequest = { prompt: { images: [noise], text: "Why?" }, key: "k" }
      const sent = (images: OpenAiPolicy.Options["images"] & {}) =>
        against(
          { images },
          ({ draw, server }) => Effect.map(draw({}, [request]), () => Server.imageOf(server.requests[0]!.body))
        )
      return Effect.gen(function*() {
        const small = yield* sent({ maxSide: 30 })
        const { height, width } = yield* Effect.promise(() =>
          sharp(Buffer.from(small.slice(small.indexOf(",") + 1), "base64")).metadata()
        )
        assert.deepStrictEqual([width, height], [30, 10])
        assert.isTrue((yield* sent({ maxBytes: 60_000 })).startsWith("data:image/jpeg;base64,"))
        const error = yield* Effect.flip(sent({ maxBytes: 100 }))
        assert.match((error as PolicyError).message, /noise: too large to send.*maxSide.*expected at most 100/)
      })
    }
  )

  it.effect("seeds belong to candidates: neither order nor batch changes them", () =>
    against({}, ({ draw, server }) =>
      Effect.gen(function*() {
        const two = [ask("Why is this joy?", "a"), ask("Why is this fear?", "b")]
        yield* draw({}, two)
        const byText = (from: number) =>
          Object.fromEntries(server.requests.slice(from).map(({ body }) => [Server.textOf(body), body.seed]))
        yield* draw({}, two.toReversed())
        assert.deepStrictEqual(byText(2), byText(0))
        assert.strictEqual(new Set(seeds(server)).size, 2)
      })))

  it.effect("no more requests at a time than allowed", () =>
    against({ concurrency: 3 }, ({ draw, server }) =>
      Effect.gen(function*() {
        // Nobody is answered before three wait, and then not at once: a fourth would have come by then.
        const waiting: Array<() => void> = []
        const rounds: Array<number> = []
        server.answer = (response, received) => {
          waiting.push(() => void Server.behave(response, received))
          if (waiting.length !== 3) return
          setTimeout(() => {
            rounds.push(waiting.length)
            for (const go of waiting.splice(0)) go()
          }, 20)
        }
        yield* draw({ count: 1 }, Array.from({ length: 12 }, (_, i) => ask(`Why is this joy? ${i}`)))
        assert.deepStrictEqual(rounds, [3, 3, 3, 3])
      })))
})

describe("candidates", () => {
  it.effect("come in one answer where the server counts", () =>
    against({}, ({ draw, server }) =>
      Effect.gen(function*() {
        const [group] = yield* draw({ count: 4 })
        assert.strictEqual(group!.length, 4)
        assert.deepStrictEqual(server.requests.map(({ body }) => body.n), [4])
      })))

  const numbered: Server.Behaviour = (response, received) =>
    Server.send(200, Server.choices(`seed ${received.body.seed}`))(response, received)

  it.effect(
    "are asked for one by one from a server that ignores n, and that is remembered; every seed is its " +
      "candidate's own",
    () =>
      against({}, ({ draw, server }) =>
        Effect.gen(function*() {
          server.answer = numbered
          const [first] = yield* draw({ count: 4 })
          assert.strictEqual(new Set(first!.map(({ text }) => text)).size, 4)
          assert.deepStrictEqual(server.requests.map(({ body }) => body.n), [4, undefined, undefined, undefined])
          const [again] = yield* draw({ count: 4 })
          assert.deepStrictEqual(again, first)
          assert.strictEqual(server.requests.length, 8)
        }))
  )

  it.effect("are asked for in parts from a server that caps n", () =>
    against({}, ({ draw, server }) =>
      Effect.gen(function*() {
        server.answer = (response, received) =>
          Server.send(
            200,
            Server.choices(
              ...Array.from({ length: Math.min(3, received.body.n ?? 1) }, (_, i) => `${received.body.seed}/${i}`)
            )
          )(response, received)
        const [group] = yield* draw({ count: 7 })
        assert.strictEqual(new Set(group!.map(({ text }) => text)).size, 7)
        assert.deepStrictEqual(server.requests.map(({ body }) => body.n), [7, 3, undefined])
      })))

  it.effect("fields a server refuses by name are left out", () =>
    against({}, ({ draw, server, waits }) =>
      Effect.gen(function*() {
        server.answer = (response, received) => {
          const { logprobs, n, seed } = received.body
          if (n !== undefined) {
            return Server.send(400, { error: { message: "Unsupported value", param: "n", code: "unsupported_value" } })(
              response,
              received
            )
          }
          if (logprobs !== undefined) {
            return Server.send(422, { detail: "Extra inputs are not permitted: logprobs" })(response, received)
          }
          if (seed !== undefined) {
            return Server.send(400, { object: "error", message: "unknown field `seed`", code: 400 })(response, received)
          }
          return Server.behave(response, received)
        }
        assert.strictEqual((yield* draw({ count: 3 }))[0]!.length, 3)
        const before = server.requests.length
        yield* draw({ count: 2 })
        assert.strictEqual(server.requests.length - before, 2)
        assert.deepStrictEqual(waits, [])
      })))

  it.effect("what is no text is a candidate with a reason", () =>
    against({}, ({ draw, server }) =>
      Effect.gen(function*() {
        server.next.push(Server.send(200, {
          choices: [
            Server.choice("  fine "),
            Server.choice(null, { message: { content: null, refusal: "I cannot help with faces" } }),
            Server.choice("", { finish_reason: "length" }),
            Server.choice(null, { finish_reason: "content_filter" }),
            Server.choice("cut off he", { finish_reason: "length" }),
            { message: { content: [{ type: "text", text: "in " }, { type: "text", text: "parts" }] } }
          ]
        }))
        const [group] = yield* draw({ count: 6 })
        assert.deepStrictEqual(group!.map(({ text }) => text), ["fine", "", "", "", "cut off he", "in parts"])
        assert.deepStrictEqual(group!.map(({ fault }) => fault), [
          undefined,
          "refused: I cannot help with faces",
          "wrote no text (finish_reason length)",
          "stopped by the server's content filter",
          undefined,
          undefined
        ])
        assert.deepStrictEqual(group!.map(({ finish }) => finish), ["stop", "stop", "length", "stop", "length", "stop"])
      })))

  it.effect("carry log-probabilities and token ids as far as the server gives them", () =>
    against({}, ({ draw, server }) =>
      Effect.gen(function*() {
        const logprobs = { content: [{ token: "a", logprob: -0.25 }, { token: "b", logprob: -1.5 }] }
        server.next.push(
          Server.send(200, {
            choices: [
              Server.choice("a b", { logprobs }),
              Server.choice("a b", { logprobs, token_ids: [7, 9] }),
              Server.choice("a b")
            ]
          })
        )
        const [group] = yield* draw({ count: 3 })
        assert.deepStrictEqual(group!.map((given) => [...given.logprobs]), [[-0.25, -1.5], [-0.25, -1.5], []])
        assert.deepStrictEqual(group!.map((given) => [...given.tokens]), [[-1, -1], [7, 9], []])
      })))
})

describe("a server that misbehaves", () => {
  it.effect("is asked again after 429 and 5xx, later each time, and never sooner than it asks", () =>
    against({}, ({ draw, server, waits }) =>
      Effect.gen(function*() {
        server.next.push(
          Server.send(503, "upstream is gone"),
          Server.send(429, { error: { message: "slow down" } }, { "retry-after": "7" }),
          Server.send(500, { error: "boom" }),
          // The recording clock starts with the year and has slept for the waits before this answer.
          (response, received) =>
            Server.send(429, "{}", { "retry-after": new Date(Date.UTC(2026, 0, 1, 0, 0, 40)).toUTCString() })(
              response,
              received
            )
        )
        assert.strictEqual((yield* draw())[0]![0]!.text, "we can see a bright festive smile here")
        assert.strictEqual(server.requests.length, 5)
        // Half of each wait is drawn: 1 s, 2 s, 4 s, 8 s at most.
        const [first, second, third, fourth] = waits as [number, number, number, number]
        assert.isTrue(first >= 500 && first <= 1000, String(first))
        assert.isTrue(second >= 8000 && second <= 9000, String(second))
        assert.isTrue(third >= 2000 && third <= 4000, String(third))
        const rest = 40_000 - first - second - third
        assert.isTrue(fourth >= rest + 4000 && fourth <= rest + 8000, String(fourth))
        assert.strictEqual(new Set(seeds(server)).size, 1)
      })))

  it.effect(
    "is told of once in an outage, whatever waits for it",
    () =>
      against({}, ({ draw, log, server }) =>
        Effect.gen(function*() {
          const gone = Array.from({ length: 6 }, () => Server.send(503, "upstream is gone"))
          const asked = ["a", "b", "c"].map((key) => ask("Why is this joy?", key))
          server.next.push(...gone)
          yield* draw({}, asked)
          assert.strictEqual(log.length, 1, log.join("\n"))
          assert.match(
            log[0]!,
            /^http:\S+: the server answered 503; asking again in \d\.\d s, later each time$/
          )
          server.next.push(Server.send(429, "{}"))
          yield* draw()
          assert.strictEqual(log.length, 1, "a limit of requests is no outage")
        })),
    300_000
  )

  it.effect("the same waits again for the same seed and key", () =>
    Effect.gen(function*() {
      const run = against({}, ({ draw, server, waits }) => {
        server.next.push(Server.send(500, ""), Server.send(502, ""))
        return Effect.as(draw(), waits)
      })
      const first = yield* run
      assert.strictEqual(first.length, 2)
      assert.deepStrictEqual(yield* run, first)
    }))

  it.effect("connections that break, before an answer or in the middle of one, are made again", () =>
    against({}, ({ draw, server }) =>
      Effect.gen(function*() {
        server.next.push(
          (response) => {
            response.destroy()
          },
          (response) => {
            response.writeHead(200, { "content-type": "application/json", "content-length": "5000" })
            response.write("{\"choices\": [")
            setImmediate(() => response.destroy())
          },
          (response) => {
            response.writeHead(200, { "content-type": "application/json" })
            response.write("{\"choices\": [")
            setImmediate(() => response.destroy())
          }
        )
        assert.strictEqual((yield* draw())[0]!.length, 1)
        assert.strictEqual(server.requests.length, 4)
      })))

  it.effect("what cannot get better is not repeated", () =>
    against({}, ({ draw, server, waits }) =>
      Effect.gen(function*() {
        const cases: ReadonlyArray<readonly [Server.Behaviour, RemoteError["kind"], RegExp]> = [
          [
            Server.send(401, { error: { message: "Incorrect API key", code: "invalid_api_key" } }),
            "status",
            /answered 401: Incorrect API key/
          ],
          [Server.send(404, { error: { message: "The model `vl` does not exist" } }), "status", /404: The model/],
          [Server.send(400, "<html>bad gateway of sorts</html>"), "status", /400: \(a page of HTML\); .*with its \/v1/],
          [Server.send(302, "", { location: "http://localhost/elsewhere" }), "status", /answered 302/],
          [
            Server.send(429, { error: { message: "You exceeded your quota", code: "insufficient_quota" } }),
            "status",
            /429: You exceeded/
          ]
        ]
        for (const [behaviour, kind, expected] of cases) {
          server.next.push(behaviour)
          const error = yield* Effect.flip(draw())
          assert.strictEqual(remote(error).kind, kind)
          assert.match(error.message, expected)
          assert.isBelow(error.message.length, 900)
        }
        assert.strictEqual(server.requests.length, cases.length)
        assert.deepStrictEqual(waits, [])
      })))

  it.effect("an endless answer is given up at the limit", () =>
    against({ maxResponseBytes: 100_000 }, ({ draw, server }) =>
      Effect.gen(function*() {
        const gone = new Promise<void>((resolve) => {
          server.next.push((response) => {
            response.writeHead(200, { "content-type": "application/json" })
            response.on("close", resolve)
            const more = () => {
              while (!response.destroyed && response.write(" ".repeat(10_000))) { /* until it is full */ }
            }
            response.on("drain", more)
            more()
          })
        })
        const error = yield* Effect.flip(draw())
        assert.strictEqual(remote(error).kind, "too-large")
        assert.match(error.message, /100000 bytes \(maxResponseBytes\)/)
        yield* Effect.promise(() => gone)
        assert.strictEqual(server.requests.length, 1)
      })))

  it.effect("the last failure is the one that is told, with the number of attempts", () =>
    against({ attempts: 3 }, ({ draw, server }) =>
      Effect.gen(function*() {
        server.answer = Server.send(500, "always")
        const error = yield* Effect.flip(draw())
        assert.match(error.message, /answered 500 \(after 3 attempts\): always/)
        assert.strictEqual(server.requests.length, 3)
      })))

  it.effect("a wait beyond the time limit is not begun", () =>
    against({ timeLimit: "2 minutes" }, ({ draw, server, waits }) =>
      Effect.gen(function*() {
        server.answer = Server.send(429, "", { "retry-after": "3600" })
        const error = yield* Effect.flip(draw())
        assert.match(error.message, /next attempt would be in 360\d s, beyond the limit of 2m \(timeLimit\)/)
        assert.strictEqual(server.requests.length, 1)
        assert.deepStrictEqual(waits, [])
      })))

  it.effect("one failure ends a whole sample, and cancels what is under way", () =>
    against({ concurrency: 4 }, ({ draw, server }) =>
      Effect.gen(function*() {
        const hanging: Server.Behaviour = () => {}
        server.next.push(hanging, hanging, hanging)
        server.answer = (response, received) => {
          // The others are all waiting by now.
          if (server.requests.length === 4) return Server.send(403, "no")(response, received)
        }
        const error = yield* Effect.flip(draw({}, Array.from({ length: 4 }, (_, i) => ask(`q${i}`))))
        assert.match(error.message, /403/)
        yield* Effect.promise(async () => {
          while (server.abandoned < 3) await new Promise((resolve) => setTimeout(resolve, 1))
        })
      })))
})

describe("time", () => {
  /** The real clock: only what is awaited anyway takes time. */
  const live = <A, E>(options: Partial<OpenAiPolicy.Options>, test: (given: Given) => Effect.Effect<A, E>) =>
    against(options, (given) => test(given).pipe(Effect.provideService(Clock.Clock, realClock)))
  let realClock: Clock.Clock

  it.live("a slow answer is given up and asked for again; interruption cancels a request", () =>
    Effect.gen(function*() {
      realClock = yield* Clock.Clock
      yield* live(
        { attemptTimeout: "50 millis", attempts: 1000, backoff: "1 millis" },
        ({ draw, server }) =>
          Effect.gen(function*() {
            server.next.push(() => {}, (response) => void response.writeHead(200).write("{"))
            assert.strictEqual((yield* draw())[0]!.length, 1)
            // A busy machine may be too slow for the good answer as well.
            assert.isAtLeast(server.requests.length, 3)
          })
      )
      yield* live(
        { attemptTimeout: "20 millis", attempts: 2, backoff: "1 millis" },
        ({ draw, server }) =>
          Effect.gen(function*() {
            server.answer = () => {}
            const error = yield* Effect.flip(draw())
            assert.strictEqual(remote(error).kind, "timeout")
            assert.match(error.message, /no whole answer within 20ms \(attemptTimeout\) \(after 2 attempts\)/)
          })
      )
      yield* live({ timeLimit: "40 millis" }, ({ draw, server }) =>
        Effect.gen(function*() {
          server.answer = () => {}
          assert.match((yield* Effect.flip(draw())).message, /no answer within 40ms \(timeLimit\)/)
        }))
      yield* live({}, ({ draw, server }) =>
        Effect.gen(function*() {
          server.answer = () => {}
          const fiber = yield* Effect.forkChild(draw())
          yield* Effect.promise(async () => {
            while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
          })
          yield* Fiber.interrupt(fiber)
          yield* Effect.promise(async () => {
            while (server.abandoned === 0) await new Promise((resolve) => setTimeout(resolve, 1))
          })
        }))
    }))
})

describe("the key", () => {
  it.effect("is in no error, whatever the server sends back", () =>
    against({}, ({ draw, server }) =>
      Effect.gen(function*() {
        const echo: Server.Behaviour = (response, received) =>
          Server.send(401, { error: { message: `bad header: ${received.headers.authorization}`, param: KEY } })(
            response,
            received
          )
        const malformed: Server.Behaviour = (response, received) =>
          Server.send(200, `not json, ${received.headers.authorization}`)(response, received)
        for (
          const behaviour of [
            echo,
            malformed,
            ((response) => {
              response.destroy()
            }) satisfies Server.Behaviour
          ]
        ) {
          server.answer = behaviour
          const error = yield* Effect.flip(draw())
          const shown = [
            error.message,
            String(error),
            JSON.stringify(error),
            inspect(error, { depth: 12, showHidden: true }),
            inspect(error.cause, { depth: 12 })
          ].join("\n")
          assert.notInclude(shown, KEY)
        }
      })))
})

describe("what a server cannot do", () => {
  it.effect("is a typed error that names the policy which can", () =>
    against({}, ({ policy, server }) =>
      Effect.gen(function*() {
        const errors = yield* Effect.all([
          Effect.flip(policy.update(Objective.Supervised({ examples: [] }), { learningRate: 1 })),
          Effect.flip(policy.beginStage),
          Effect.flip(policy.endStage),
          Effect.flip(policy.snapshot),
          Effect.flip(policy.revert({ version: 0 })),
          Effect.flip(policy.checkpoint("x")),
          Effect.flip(policy.restore("x")),
          Effect.flip(policy.save("x"))
        ])
        for (const error of errors) assert.match(error.message, /"vl" at http.* is remote.*Policy\.onnx/)
        assert.deepStrictEqual(errors.map(({ operation }) => operation), [
          "update",
          "update",
          "update",
          "checkpoint",
          "restore",
          "checkpoint",
          "restore",
          "save"
        ])
        assert.isTrue(Option.isNone(policy.tokenizer))
        assert.strictEqual(server.requests.length, 0)
      })))

  it.effect("settings are checked before anything is sent", () =>
    against({}, ({ draw, server }) =>
      Effect.gen(function*() {
        const grammar = { id: "g", states: 1, vocabulary: 1, allowed: new Uint8Array(1), next: new Int32Array(1) }
        for (
          const [options, expected] of [
            [{ grammar }, /grammar "off"/],
            [{ count: 0 }, /count is 0/],
            [{ maxTokens: 0.5 }, /maxTokens is 0.5/],
            [{ temperature: -1 }, /temperature is -1/],
            [{ topP: 0 }, /topP is 0/]
          ] as const
        ) {
          assert.match((yield* Effect.flip(draw(options))).message, expected)
        }
        assert.strictEqual(server.requests.length, 0)
        for (
          const [options, expected] of [
            [{ baseUrl: "localhost" }, /expected an address/],
            [{ baseUrl: "ftp://x/v1" }, /expected http/],
            [{ baseUrl: "http://u:p@x/v1" }, /apiKey/],
            [{ baseUrl: "http://x/v1?k=1" }, /no query/],
            [{ model: "" }, /model is empty/],
            // As a program without types may call it.
            [Object.assign({}, { apiKey: 7 as unknown as string }), /apiKey is a number, expected a string/],
            [{ concurrency: NaN }, /concurrency is NaN, expected a whole number from 1/],
            [{ attempts: 0 }, /attempts is 0/],
            [{ seed: 0.5 }, /seed is 0.5/]
          ] as const
        ) {
          const failed = yield* Effect.result(against(options, () => Effect.void))
          assert.isTrue(Result.isFailure(failed) && expected.test((failed.failure as PolicyError).message))
        }
      })))
})

describe("adapters of vLLM", () => {
  it.effect("are loaded, answer from the next session on, and are unloaded again", () =>
    against({}, ({ adapters, draw, policy, server }) =>
      Effect.gen(function*() {
        const version = Effect.scoped(Effect.map(policy.session, (session) => session.version))
        assert.strictEqual(yield* version, 0)
        yield* adapters.load({ name: "step-200", path: "/srv/adapters/200" })
        assert.strictEqual(yield* version, 1)
        yield* draw()
        yield* adapters.unload("step-200")
        assert.strictEqual(yield* version, 2)
        yield* draw()
        assert.deepStrictEqual(server.requests.map(({ path }) => path), [
          "/v1/load_lora_adapter",
          "/v1/chat/completions",
          "/v1/unload_lora_adapter",
          "/v1/chat/completions"
        ])
        assert.deepEqual<object>(server.requests[0]!.body, { lora_name: "step-200", lora_path: "/srv/adapters/200" })
        assert.deepEqual<object>(server.requests[2]!.body, { lora_name: "step-200" })
        assert.deepStrictEqual([server.requests[1]!.body.model, server.requests[3]!.body.model], ["step-200", "vl"])
      })))

  it.effect("a refusal leaves the model as it was; an open session is not changed under way", () =>
    against({}, ({ adapters, draw, policy, server }) =>
      Effect.gen(function*() {
        server.next.push(Server.send(404, { object: "error", message: "No adapter found for /nowhere", code: 404 }))
        const error = yield* Effect.flip(adapters.load({ name: "a", path: "/nowhere" }))
        assert.match(error.message, /load: .*404: No adapter found/)
        yield* draw()
        assert.strictEqual(server.requests.at(-1)!.body.model, "vl")
        const refused = yield* Effect.scoped(
          Effect.andThen(policy.session, Effect.flip(adapters.load({ name: "a", path: "/a" })))
        )
        assert.match(refused.message, /1 inference session\(s\) still open/)
      })))
})

describe("Retry-After", () => {
  it("is seconds or a date", () => {
    const now = Date.UTC(2026, 5, 1)
    assert.strictEqual(Retry.retryAfter("120", now), 120_000)
    assert.strictEqual(Retry.retryAfter(" 0.5 ", now), 500)
    assert.strictEqual(Retry.retryAfter("Mon, 01 Jun 2026 00:00:30 GMT", now), 30_000)
    assert.strictEqual(Retry.retryAfter("Sun, 31 May 2026 00:00:00 GMT", now), 0)
    for (const header of [undefined, "", "soon", "-3"]) assert.isUndefined(Retry.retryAfter(header, now))
  })
})
