/** Callers that share passes: over the embedded checkpoint, with its passes looked at. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer } from "effect"
import { Image } from "../../src/kernels/image/index.ts"
import * as Gathered from "../../src/policy/Gathered.ts"
import { onnx, Policy, type SampleOptions, type SampleRequest } from "../../src/policy/layers.ts"
import type { Drawn } from "../../src/policy/Policy.ts"

const grey = (shade: number) =>
  Image.rendered(`grey-${shade}`, () => ({ width: 56, height: 56, data: new Uint8Array(56 * 56 * 3).fill(shade) }))
const asked = (i: number, text = "Explain this picture."): SampleRequest => (
  { key: `k${i}`, prompt: { images: [grey(20 * i)], text } }
)
const sampling: SampleOptions = { count: 1, maxTokens: 16, temperature: 1 }

/** The policy, its line, and the keys of each pass. */
const gathered = Effect.gen(function*() {
  const inner = Context.get(yield* Layer.build(onnx({ model: "embedded", trainable: "none", workers: 1 })), Policy)
  const passes: Array<ReadonlyArray<string>> = []
  const open = yield* inner.session
  const looked = Policy.of({
    ...inner,
    session: Effect.succeed({
      ...open,
      sample: (requests, options) => {
        passes.push(requests.map(({ key }) => key))
        return open.sample(requests, options)
      }
    })
  })
  const { line, policy } = yield* Effect.provideService(Gathered.make(4), Policy, looked)
  const session = yield* policy.session
  return { direct: open, session, line, passes }
})

const together = <A, E, R>(effects: ReadonlyArray<Effect.Effect<A, E, R>>) =>
  Effect.all(effects, { concurrency: "unbounded" })

describe("Gathered", () => {
  it.effect("gives every caller its own texts, in fewer passes than callers", () =>
    Effect.gen(function*() {
      const { direct, line, passes, session } = yield* gathered
      const requests = Array.from({ length: 9 }, (_, i) => asked(i))
      const alone = (yield* direct.sample(requests, sampling)).map((group) => group[0]?.text)
      const shared = yield* together(requests.map((request) => session.sample([request], sampling)))
      assert.deepStrictEqual(shared.map(([group]) => group?.[0]?.text), alone)
      assert.deepStrictEqual(passes.flat().toSorted(), requests.map(({ key }) => key).toSorted())
      assert.isTrue(passes.every(({ length }) => [1, 2, 4].includes(length)))
      assert.isBelow(passes.length, 7)
      assert.strictEqual(line.rows(), 0)
      assert.deepStrictEqual(line.passes(), { passes: passes.length, rows: 9 })
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("computes together only what is drawn alike", () =>
    Effect.gen(function*() {
      const { passes, session } = yield* gathered
      yield* together(
        [0, 1, 2, 3].map((i) => session.sample([asked(i)], { ...sampling, temperature: i % 2 === 0 ? 1 : 0 }))
      )
      for (const keys of passes) assert.strictEqual(new Set(keys.map((key) => Number(key.slice(1)) % 2)).size, 1)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("computes those who listen apart: nobody else is decoded a token at a time", () =>
    Effect.gen(function*() {
      const { direct, passes, session } = yield* gathered
      const heard: Array<number> = []
      const listen = ({ token }: Drawn) => void heard.push(token)
      const [plain, said] = yield* together([
        session.sample([asked(1)], sampling),
        session.sample([{ ...asked(2), listen }], sampling)
      ])
      assert.deepStrictEqual(passes, [["k1"], ["k2"]])
      assert.deepStrictEqual(heard, [...(said?.[0]?.[0]?.tokens ?? [])])
      const alone = (yield* direct.sample([asked(1), asked(2)], sampling)).map((group) => group[0]?.text)
      assert.deepStrictEqual([plain?.[0]?.[0]?.text, said?.[0]?.[0]?.text], alone)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("refuses nobody for what a stranger sent", () =>
    Effect.gen(function*() {
      const { session } = yield* gathered
      const long = asked(3, "word ".repeat(5000))
      const found = yield* together(
        [asked(0), asked(1), long, asked(2)].map((request) => Effect.exit(session.sample([request], sampling)))
      )
      assert.deepStrictEqual(found.map(Exit.isSuccess), [true, true, false, true])
      assert.match(String(found[2]), /exceeds the model's budget/)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("leaves out those who have gone", () =>
    Effect.gen(function*() {
      const { line, passes, session } = yield* gathered
      const first = yield* Effect.forkChild(session.sample([asked(0)], sampling))
      yield* Effect.yieldNow
      const gone = yield* Effect.forkChild(session.sample([asked(1)], { ...sampling, temperature: 0 }))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(gone)
      yield* Fiber.join(first)
      yield* session.sample([asked(2)], sampling)
      assert.deepStrictEqual(passes, [["k0"], ["k2"]])
      assert.strictEqual(line.rows(), 0)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it("takes powers of two", () => {
    assert.deepStrictEqual([1, 2, 3, 4, 7, 8, 15, 16].map(Gathered.powerBelow), [1, 2, 2, 4, 4, 8, 8, 16])
  })
})
