import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { patience, sampleAll } from "../../src/dsl/stages/Sampling.ts"
import { type Completion, PolicyError, type Session } from "../../src/policy/Policy.ts"
import { logs } from "./logs.ts"

describe("requests that are refused", () => {
  const cause = new PolicyError({ operation: "sample", reason: "no such picture" })
  const text = (refused: boolean): Completion => ({
    text: "",
    tokens: new Int32Array(0),
    logprobs: new Float32Array(0),
    finish: "stop",
    ...(refused ? { refused: cause, fault: "400: no such picture" } : {})
  })
  /** A server that refuses every picture whose name says so. */
  const session: Session = {
    version: 0,
    sample: (requests, { count }) =>
      Effect.succeed(requests.map(({ key }) => Array.from({ length: count }, () => text(key.startsWith("bad"))))),
    logprobs: () => Effect.succeed([])
  }
  const ask = (...keys: ReadonlyArray<string>) =>
    logs(sampleAll(session, keys.map((key) => ({ key, prompt: { images: [], text: "" } })), { count: 2, maxTokens: 4 }))
  const bad = (count: number) => Array.from({ length: count }, (_, i) => `bad ${i}`)

  it.effect("cost their samples, and are counted in a warning", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* ask("good")).lines, [])
      const some = yield* ask("good", "bad", "fair", "bad too")
      assert.deepStrictEqual(some.lines, ["2 of 4 requests were refused; the first: 400: no such picture"])
      assert.isTrue(Result.isSuccess(some.result) && some.result.success.length === 4)
      // One answer says that the server is there.
      const most = yield* ask("good", ...bad(patience))
      assert.deepStrictEqual(most.lines, [
        `${patience} of ${patience + 1} requests were refused; the first: 400: no such picture`
      ])
    }))

  it.effect("end the run where there are many and nothing else", () =>
    Effect.gen(function*() {
      assert.isTrue(Result.isSuccess((yield* ask(...bad(patience - 1))).result))
      const { lines, result } = yield* ask(...bad(patience))
      assert.deepStrictEqual(lines, [])
      if (Result.isSuccess(result)) return assert.fail("nothing was answered")
      assert.include(result.failure.message, `all ${patience} requests of this step were refused and none was answered`)
      assert.include(result.failure.message, "no such picture")
    }))
})
