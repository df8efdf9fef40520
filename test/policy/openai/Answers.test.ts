/** What is made of answers of status 200: those that are none, and what stands beside those that are. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { inspect } from "node:util"
import { OpenAiPolicy, Policy } from "../../../src/policy/index.ts"
import { against, ask, KEY, remote } from "./against.ts"
import * as Server from "./server.ts"

const html: Server.Behaviour = Server.send(
  200,
  "<!doctype html><title>Welcome</title>",
  { "content-type": "text/html" }
)

const broken: ReadonlyArray<readonly [Server.Behaviour, "malformed" | "status", RegExp]> = [
  [Server.send(200, ""), "malformed", /\(empty\)/],
  [Server.send(200, "{\"choices\": [{\"mess"), "malformed", /not JSON.*\{"choices": \[\{"mess/],
  [Server.send(200, { choices: null }), "malformed", /holds no choice/],
  [Server.send(200, { choices: [] }), "malformed", /holds no choice/],
  [Server.send(200, { choices: [{}] }), "malformed", /no chat completion/],
  [Server.send(200, { choices: [{ message: { content: 7 } }] }), "malformed", /no chat completion/],
  [Server.send(200, { result: "ok" }), "malformed", /choices/],
  [
    Server.send(200, { error: { code: 429, message: "slow down" } }),
    "status",
    /200 with an error of status 429.*slow down/
  ],
  [
    Server.send(200, { error: { message: "upstream is gone" }, choices: null }),
    "status",
    /200 with an error.*upstream is gone/
  ],
  [
    Server.send(
      200,
      { choices: [{ finish_reason: "error", error: { code: 502, message: "broke off" }, message: { content: "hal" } }] }
    ),
    "status",
    /broke off/
  ]
]

describe("an answer that is none", () => {
  it.effect("is asked for again, and taken when it comes", () =>
    Effect.forEach(broken, ([behaviour]) =>
      against({}, ({ draw, server, waits }) =>
        Effect.gen(function*() {
          server.next.push(behaviour, behaviour)
          assert.strictEqual((yield* draw())[0]![0]!.text, "we can see a bright festive smile here")
          assert.strictEqual(server.requests.length, 3)
          assert.strictEqual(waits.length, 2)
        })), { discard: true }))

  it.effect("is a typed error when it stays so", () =>
    Effect.forEach(
      broken,
      ([behaviour, kind, expected]) =>
        against({ attempts: 3 }, ({ draw, server }) =>
          Effect.gen(function*() {
            server.answer = behaviour
            const error = yield* Effect.flip(draw())
            assert.strictEqual(remote(error).kind, kind)
            assert.match(error.message, /after 3 attempts/)
            assert.match(error.message, expected)
            assert.isBelow(error.message.length, 900)
            assert.strictEqual(server.requests.length, 3)
          })),
      { discard: true }
    ))

  it.effect("is not asked for again where it is a page for people, or the server knows no such request", () =>
    Effect.forEach(
      [
        [html, /is this the address.*with its \/v1\?: \(a page of HTML, "Welcome"\)$/],
        ...[404, 405, 501].map((status) =>
          [
            Server.send(status, "<!DOCTYPE HTML>\n<html><head><title>Error response</title></head></html>"),
            new RegExp(`answered ${status}: \\(a page of HTML, "Error response"\\); check the address, with its /v1`)
          ] as const
        )
      ] as const,
      ([behaviour, expected]) =>
        against({}, ({ draw, server, waits }) =>
          Effect.gen(function*() {
            server.answer = behaviour
            assert.match((yield* Effect.flip(draw())).message, expected)
            assert.strictEqual(server.requests.length, 1)
            assert.deepStrictEqual(waits, [])
          })),
      { discard: true }
    ))

  it.effect("is an error even where it is nested without end", () =>
    against({ attempts: 2 }, ({ draw, server }) =>
      Effect.gen(function*() {
        const deep = "[".repeat(20_000) + "]".repeat(20_000)
        server.answer = Server.send(200, `{"choices":[{"message":{"reasoning":${deep}}}]}`)
        assert.match((yield* Effect.flip(draw())).message, /cannot be read: RangeError/)
        for (const body of [deep, `{"error":${deep}}`, `{"error":{"message":${deep}}}`]) {
          server.answer = Server.send(404, body)
          assert.match((yield* Effect.flip(draw())).message, /answered 404/)
          server.answer = Server.send(200, body)
          assert.match((yield* Effect.flip(draw())).message, /after 2 attempts/)
        }
      })))

  it.effect("is an answer all the same where its error says nothing", () =>
    against({}, ({ draw, server }) =>
      Effect.gen(function*() {
        for (const error of [null, "", false, {}, { code: 0, message: "" }]) {
          server.next.push(Server.send(200, { ...Server.choices("joy"), error, status: "ok" }))
          assert.strictEqual((yield* draw())[0]![0]!.text, "joy")
        }
        assert.strictEqual(server.requests.length, 5)
      })))

  it.effect("is not asked for again where the account or the content is to blame", () =>
    against({}, ({ draw, server, waits }) =>
      Effect.gen(function*() {
        for (const error of [{ code: 401, message: "no key" }, { code: "insufficient_quota", message: "spent" }]) {
          server.next.push(Server.send(200, { error }))
          assert.match((yield* Effect.flip(draw())).message, /OPENAI_API_KEY/)
        }
        server.next.push(Server.send(200, { error: { code: "content_filter", message: "not this one" } }))
        assert.match((yield* draw())[0]![0]!.fault!, /refused the request.*not this one/)
        assert.strictEqual(server.requests.length, 3)
        assert.deepStrictEqual(waits, [])
      })))
})

describe("a request that is refused for what it holds", () => {
  it.effect("is a completion without text, with its fault; the others are answered", () =>
    against({}, ({ draw, server }) =>
      Effect.gen(function*() {
        const refuse = Server.send(400, { error: { message: "Invalid image data" } })
        server.answer = (response, received) =>
          (Server.textOf(received.body).includes("fear") ? refuse : Server.behave)(response, received)
        const found = yield* draw(
          { count: 2 },
          [ask("Why is this joy?"), ask("Why is this fear?"), ask("Why is this anger?")]
        )
        assert.deepStrictEqual(
          found.map((group) => group.map(({ text }) => text !== "")),
          [[true, true], [false, false], [true, true]]
        )
        assert.strictEqual(found[1]![0]!.fault, "the server refused the request (400): Invalid image data")
        assert.strictEqual(server.requests.length, 3)
      })))

  it.effect("a set-up that is refused ends at once, and says what to do", () =>
    against({}, ({ draw, server }) =>
      Effect.gen(function*() {
        const cases: ReadonlyArray<readonly [Server.Behaviour, RegExp]> = [
          [Server.send(401, ""), /answered 401.*give a key of this server/],
          [
            Server.send(404, { error: { message: "The model `vl` does not exist" } }),
            /does not exist; check the address, with its \/v1, and the model's name/
          ],
          [
            Server.send(400, { error: { message: "At most 0 image(s) may be provided" } }),
            /choose a model that reads images/
          ],
          [
            Server.send(400, { error: { message: "Unrecognized request argument: model" } }),
            /change that setting, or what is sent/
          ]
        ]
        for (const [behaviour, expected] of cases) {
          server.next.push(behaviour)
          assert.match((yield* Effect.flip(draw())).message, expected)
        }
        assert.strictEqual(server.requests.length, cases.length)
      })))
})

describe("beside an answer", () => {
  const only = (choice: object) =>
    against({}, ({ draw, server }) => {
      server.next.push(Server.send(200, { choices: [choice] }))
      return Effect.map(draw(), ([group]) => group![0]!)
    })
  const tokens = (...values: ReadonlyArray<unknown>) => ({
    logprobs: { content: values.map((logprob, i) => ({ token: "a b"[i], ...(logprob !== undefined && { logprob }) })) }
  })

  it.effect("log-probabilities are all known, or none is; whatever shape they have", () =>
    Effect.gen(function*() {
      const known = yield* only(Server.choice("a b", tokens(-0.5, 0, -1)))
      assert.deepStrictEqual([[...known.logprobs], [...known.ends!]], [[-0.5, 0, -1], [1, 2, 3]])
      for (const unknown of [null, undefined, "-Infinity", -9999, -1e9, { x: 1 }]) {
        const one = yield* only(Server.choice("a b", tokens(-0.5, unknown, -1)))
        assert.deepStrictEqual([one.text, one.logprobs.length, one.fault], ["a b", 0, undefined], String(unknown))
      }
      for (const logprobs of [null, [], {}, true, { content: null }, { token_logprobs: [-1] }, { content: [null] }]) {
        const one = yield* only(Server.choice("a b", { logprobs, token_ids: "?" }))
        assert.deepStrictEqual([one.text, one.logprobs.length, one.tokens.length], ["a b", 0, 0])
      }
    }))

  it.effect("tokens of the text are placed in it, those of another text are not", () =>
    Effect.gen(function*() {
      const alike = (...given: ReadonlyArray<string>) => given.map((token) => ({ token, logprob: -1 }))
      const content = alike("<think>", "why", "</think>", "\n", "a", " b", "<|im_end|>")
      const tail = yield* only(Server.choice("\na b", { logprobs: { content: content.slice(0, 6) } }))
      assert.deepStrictEqual([...tail.ends!].slice(-2), [1, 3])
      const head = yield* only(Server.choice(" a b", { logprobs: { content: alike(" a", " b", "<|im_end|>") } }))
      assert.deepStrictEqual([...head.ends!].slice(0, 2), [1, 3])
      assert.isUndefined((yield* only(Server.choice("another", { logprobs: { content } }))).ends)
    }))

  it.effect("numbers that JSON does not know are read as unknown, and texts that name them are texts", () =>
    against({}, ({ draw, server }) =>
      Effect.gen(function*() {
        const logprobs = "{\"content\":[{\"token\":\"x\",\"logprob\":-Infinity}]}"
        const choice = `{"message":{"content":"[NaN, -Infinity]"},"logprobs":${logprobs}}`
        server.next.push(Server.send(200, `{"choices":[${choice}],"score":NaN}`))
        const one = (yield* draw())[0]![0]!
        assert.deepStrictEqual([one.text, one.logprobs.length], ["[NaN, -Infinity]", 0])
      })))

  it.effect("reasoning is kept apart, under each of its names", () =>
    Effect.gen(function*() {
      const message = (more: object) =>
        only({
          finish_reason: "stop",
          message: { role: "assistant", content: "<answer>joy</answer>", ...more }
        })
      for (
        const more of [
          { reasoning_content: " a smile\n" },
          { reasoning: "a smile" },
          { reasoning_content: null, reasoning: "<think>a smile</think>" },
          { reasoning: [{ type: "text", text: "a " }, { type: "text", text: "smile" }] },
          {
            content: [
              { type: "thinking", thinking: [{ type: "text", text: "a smile" }] },
              { type: "text", text: "<answer>joy</answer>" }
            ]
          }
        ]
      ) {
        const { reasoning, text } = yield* message(more)
        assert.deepStrictEqual([text, reasoning], ["<answer>joy</answer>", "a smile"])
      }
      assert.isUndefined((yield* message({ reasoning_content: "  " })).reasoning)
      const cut = yield* only({ finish_reason: "length", message: { content: null, reasoning_content: "so far" } })
      assert.deepStrictEqual(
        [cut.text, cut.fault, cut.finish],
        ["", "thought, and wrote no text (finish_reason length)", "length"]
      )
    }))

  it.effect("other names for the end of an answer", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* only(Server.choice("x", { finish_reason: "max_tokens" }))).finish, "length")
      assert.match((yield* only({ finish_reason: "SAFETY", message: null })).fault!, /content filter/)
    }))
})

describe("the key", () => {
  it.effect("is never taken out of answers, whatever it is", () =>
    against({ apiKey: Redacted.make("k") }, ({ draw, server }) =>
      Effect.gen(function*() {
        const message = { content: "think", refusal: "keep", reasoning: "ink" }
        server.next.push(Server.send(200, { choices: [{ finish_reason: "stop", message }] }))
        assert.deepInclude((yield* draw())[0]![0]!, { text: "think", fault: "refused: keep", reasoning: "ink" })
        server.next.push(Server.send(401, { error: { message: "wrong key" } }))
        assert.match((yield* Effect.flip(draw())).message, /wrong <redacted>ey; give a key/)
      })))

  it.effect("is in no error, fault or log, however the server spells it", () =>
    against({}, ({ draw, log, server }) =>
      Effect.gen(function*() {
        const escaped = [...KEY].map((char) => `\\u00${char.charCodeAt(0).toString(16)}`).join("")
        const encoded = Buffer.from(`Bearer ${KEY}`).toString("base64")
        const bodies = [
          `{"error": {"message": "bad ${escaped}", "param": "${escaped}"}}`,
          `bad: ${escaped} ${encodeURIComponent(KEY)} ${encoded}`
        ]
        for (const body of bodies) {
          server.next.push(
            Server.send(401, body),
            Server.send(400, body.replace("bad", "Logprobs is not enabled")),
            Server.send(400, body.replace("bad", "Invalid image data"))
          )
          const error = yield* Effect.flip(draw())
          const found = yield* draw()
          server.next.length = 0
          const shown = [
            error.message,
            inspect(error, { depth: 12, showHidden: true }),
            inspect(found, { depth: 12 }),
            ...log
          ].join("\n")
          for (const secret of [KEY, escaped, encoded.slice(12, -3)]) assert.notInclude(shown, secret)
        }
      })))

  it.effect("is in no error where the address itself holds it, nor in what a run records of the policy", () =>
    against({}, ({ server }) =>
      Effect.gen(function*() {
        const baseUrl = `${server.baseUrl}/${KEY}`
        server.answer = Server.send(404, `no such page: /${KEY.toUpperCase()}/chat`)
        const options = { baseUrl, model: "m", apiKey: Redacted.make(KEY), seed: 0, attempts: 1 }
        const asked = Effect.gen(function*() {
          const { identity, session } = yield* Policy
          const prompt = { images: [], text: "Why?" }
          const error = yield* Effect.scoped(Effect.flatMap(
            session,
            ({ sample }) => Effect.flip(sample([{ prompt, key: "k" }], { maxTokens: 4, count: 1 }))
          ))
          const shown = [JSON.stringify(identity), error.message, inspect(error, { depth: 12, showHidden: true })]
          for (const text of shown) assert.notInclude(text.toLowerCase(), KEY)
          assert.include(error.message, "<redacted>")
        })
        yield* asked.pipe(Effect.provide(Layer.provide(OpenAiPolicy.layer(options), NodeHttpClient.layerUndici)))
      })))

  it.effect("that no header can carry is refused before anything is sent; an empty one is none", () =>
    Effect.gen(function*() {
      for (const key of ["sk-1\n", "“sk-1”", "sk 1"]) {
        const error = yield* Effect.flip(against({ apiKey: Redacted.make(key) }, ({ draw }) => draw()))
        assert.match(error.message, /API key .* at position/)
        assert.notInclude(error.message, "sk")
      }
      yield* against(
        { apiKey: "sk-plain" },
        ({ draw, server }) =>
          Effect.map(draw(), () => assert.strictEqual(server.requests[0]!.headers.authorization, "Bearer sk-plain"))
      )
      yield* against(
        { apiKey: Redacted.make("") },
        ({ draw, server }) => Effect.map(draw(), () => assert.isUndefined(server.requests[0]!.headers.authorization))
      )
    }))
})
