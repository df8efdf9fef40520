/** Grammars at a server: what is sent, and what is not believed. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import type { Grammar } from "../../../src/kernels/generate/Grammar.ts"
import { against, ask } from "./against.ts"
import * as Server from "./server.ts"

const grammarOf = (texts: Grammar["texts"]): Grammar => ({
  id: "mood",
  states: 1,
  vocabulary: 1,
  allowed: Uint8Array.of(1),
  next: Int32Array.of(0),
  ...(texts && { texts })
})
const words = grammarOf((characters) => ({ regex: `[a-z ]{1,${characters}}` }))

/** A server that obeys masks: to the probe it writes what it has to, with the given log-probability. */
const obeying = (logprob: number, probed = "a"): Server.Behaviour => (response, received) =>
  received.body["structured_outputs"] !== undefined && Server.textOf(received.body) === "?"
    ? Server.send(200, {
      choices: [
        Server.choice(probed, { logprobs: { content: [{ token: probed, logprob, bytes: null, top_logprobs: [] }] } })
      ]
    })(response, received)
    : Server.behave(response, received)

describe("a grammar at a server", () => {
  it.effect("is sent as its texts, bounded by the tokens that there are, once the server was seen to obey", () =>
    against({ grammars: true, charactersPerToken: 2.5 }, ({ draw, policy, server }) =>
      Effect.gen(function*() {
        server.answer = obeying(0)
        const rules = grammarOf(() => ({ ebnf: "root ::= \"joy\"" }))
        const [[completion] = []] = yield* draw({ grammar: words, maxTokens: 9 })
        yield* draw({ grammar: rules })
        yield* draw()
        assert.deepStrictEqual(server.requests.map(({ body }) => body["structured_outputs"]), [
          { regex: "a" },
          { regex: "[a-z ]{1,22}" },
          { grammar: "root ::= \"joy\"" },
          undefined
        ])
        assert.isTrue(server.requests.slice(1).every(({ body }) => body["return_token_ids"] === true))
        assert.isAbove(completion?.logprobs.length ?? 0, 0)
        assert.isTrue(Option.isNone(policy.tokenizer))
        assert.deepStrictEqual([...policy.spelling?.encode("é") ?? []], [0xc3, 0xa9])
        assert.deepInclude(policy.identity, { grammars: true })
      })))

  it.effect("is refused where the server writes something else than it must", () =>
    against({ grammars: true }, ({ draw, server }) =>
      Effect.gen(function*() {
        server.answer = obeying(0, "Hello!")
        const error = yield* Effect.flip(draw({ grammar: words }))
        assert.match(error.message, /does not hold texts to a grammar: asked for \/a\/ it wrote "Hello!"\. vLLM does/)
        assert.strictEqual(server.requests.length, 1)
      })))

  it.effect("has no log-probabilities where the server tells those without it", () =>
    against({ grammars: true }, ({ draw, log, server }) =>
      Effect.gen(function*() {
        server.answer = obeying(-3.5)
        const [[masked] = []] = yield* draw({ grammar: words })
        const [[free] = []] = yield* draw()
        assert.deepStrictEqual([masked?.logprobs.length, masked?.ends], [0, undefined])
        assert.isAbove(free?.logprobs.length ?? 0, 0)
        assert.strictEqual(log.length, 1)
        assert.match(log[0]!, /log-probabilities without the mask.*--logprobs-mode processed_logprobs/)
      })))

  it.effect("is refused where it is known in tokens alone, or the server is not said to take any", () =>
    Effect.gen(function*() {
      yield* against({ grammars: true }, ({ draw, server }) =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(draw({ grammar: grammarOf(undefined) }))
          assert.match(error.message, /grammar mood is known in tokens alone, a server needs its texts/)
          assert.strictEqual(server.requests.length, 0)
        }))
      yield* against({}, ({ draw, policy, server }) =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(draw({ grammar: words }))
          assert.match(error.message, /use grammar "off" or, with vLLM, Policy\.openai\(\{ grammars: true \}\)/)
          assert.strictEqual(server.requests.length, 0)
          assert.isUndefined(policy.spelling)
        }))
    }))

  it.effect("is found out anew where the server was away the first time", () =>
    against({ grammars: true, attempts: 1 }, ({ draw, server }) =>
      Effect.gen(function*() {
        server.answer = obeying(0)
        server.next.push(Server.send(503, ""))
        yield* Effect.flip(draw({ grammar: words }))
        yield* draw({ grammar: words }, [ask("Why is this joy?")])
        assert.strictEqual(server.requests.length, 3)
      })))
})
