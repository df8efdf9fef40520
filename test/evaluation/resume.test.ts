/** An evaluation that is cut off: it goes on where it was, asks nothing twice, and ends with the same bytes. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Logger, Result, Stream } from "effect"
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { evaluate } from "../../src/evaluation/evaluate.ts"
import * as Results from "../../src/evaluation/Results.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import * as Keyed from "../../src/kernels/math/Keyed.ts"
import * as Policy from "../../src/policy/layers.ts"
import { inFolder } from "../../src/studies/folder.ts"
import * as Stub from "../dsl/StubPolicy.ts"
import * as Server from "../policy/openai/server.ts"

const samples = 40
const data = Stub.data(samples)
/** The mood task, with a confidence to be kept. */
const task = { ...Stub.Mood, rank: (annotation: Stub.Label) => annotation }

const services = Layer.mergeAll(
  Layer.succeed(Progress, silent),
  Logger.layer([])
).pipe(Layer.provideMerge(NodeServices.layer))

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "rise-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
)

const evaluated = (server: Server.Server, out: string, {
  resume = false,
  maxTokens = 32,
  maxBytes = 1e6,
  test = data,
  config = {}
}: {
  readonly resume?: boolean
  readonly maxTokens?: number
  readonly maxBytes?: number
  readonly test?: typeof data
  readonly config?: Readonly<Record<string, string>>
} = {}) =>
  evaluate({ method: "model", task, data: test, grammar: "off", maxTokens }).pipe(
    Effect.tap(Results.write),
    Effect.provide(
      Policy.openai({
        baseUrl: server.baseUrl,
        model: "gpt",
        backoff: "1 millis",
        attempts: 2,
        images: { maxBytes }
      }).pipe(
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({})))
      )
    ),
    inFolder({ out, seed: 0, resume, task, train: Stream.empty, test, config })
  )

const files = ["results.json", "predictions.jsonl", "report.html"]
const bytes = (directory: string) => files.map((name) => readFileSync(join(directory, name), "latin1"))
const spools = (directory: string) =>
  readdirSync(join(directory, "checkpoints")).filter(
    (name) => name.includes("spool")
  )

/** What a request asks: the picture tells them apart only by mood, so its seed does. */
const asked = ({ requests }: Server.Server, from = 0) => requests.slice(from).map(({ body }) => String(body.seed))

/** Answers `good` requests, then fails every one. */
const dying = (good: number, failure: Server.Behaviour): Server.Behaviour => {
  let seen = 0
  return (response, received) => ++seen <= good ? Server.behave(response, received) : failure(response, received)
}

describe("a remote evaluation that is cut off", () => {
  for (
    const [name, failure] of [
      ["a revoked key", Server.send(401, "")],
      [
        "a server that is gone",
        ((response) => {
          response.destroy()
        }) satisfies Server.Behaviour
      ],
      ["a page for an answer", Server.send(200, "<html>bye</html>")]
    ] as const
  ) {
    it.live(`by ${name}, goes on at what was not answered`, () =>
      Effect.gen(function*() {
        const directory = yield* temporary
        const [whole, cut] = [join(directory, "whole"), join(directory, "cut")]
        const steady = yield* Server.start
        yield* evaluated(steady, whole)

        const server = yield* Server.start
        const answered: Array<string> = []
        const good: Server.Behaviour = (response, received) => {
          answered.push(String(received.body.seed))
          return Server.behave(response, received)
        }
        let left = 17
        server.answer = (response, received) => left-- > 0 ? good(response, received) : failure(response, received)
        assert.isTrue(Result.isFailure(yield* Effect.result(evaluated(server, cut))))
        assert.strictEqual(answered.length, 17)
        assert.strictEqual(spools(cut).length, 1)

        // Power was cut while a line was written.
        appendFileSync(join(cut, "checkpoints", spools(cut)[0]!), "{\"at\": 39, \"asked\": \"0123")
        server.answer = good
        const before = server.requests.length
        yield* evaluated(server, cut, { resume: true })
        assert.strictEqual(server.requests.length - before, samples - 17)
        assert.strictEqual(new Set(answered).size, answered.length, "none was answered twice")
        assert.deepStrictEqual(bytes(cut), bytes(whole))
        assert.deepStrictEqual(spools(cut), [])

        // Finished, it asks nothing.
        yield* evaluated(server, cut, { resume: true })
        assert.strictEqual(server.requests.length - before, samples - 17)
        assert.deepStrictEqual(bytes(cut), bytes(whole))
      }).pipe(Effect.scoped, Effect.provide(services)))
  }

  it.live("twice, still asks nothing twice; refusals stay refusals", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      const filter: Server.Behaviour = (response, received) =>
        Number(received.body.seed) % 5 === 0
          ? Server.send(400, { error: { message: "no", code: "content_filter" } })(response, received)
          : Server.behave(response, received)
      const steady = yield* Server.start
      steady.answer = filter
      yield* evaluated(steady, join(directory, "whole"))
      const refused = asked(steady).filter((seed) => Number(seed) % 5 === 0)
      assert.isAbove(refused.length, 1)

      const server = yield* Server.start
      const out = join(directory, "cut")
      for (const good of [11, 9]) {
        let left = good
        server.answer = (response, received) => (left-- > 0 ? filter : Server.send(401, ""))(response, received)
        yield* Effect.flip(evaluated(server, out, { resume: true }))
      }
      server.answer = filter
      const before = server.requests.length
      yield* evaluated(server, out, { resume: true })
      assert.strictEqual(server.requests.length - before, samples - 20)
      assert.deepStrictEqual(bytes(out), bytes(join(directory, "whole")))
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.live("asks again for what is asked otherwise, and refuses other settings", () =>
    Effect.gen(function*() {
      const out = join(yield* temporary, "run")
      const server = yield* Server.start
      server.answer = dying(10, Server.send(401, ""))
      yield* Effect.flip(evaluated(server, out))
      server.answer = Server.behave
      assert.match(
        (yield* Effect.flip(evaluated(server, out, { resume: true, config: { model: "another" } }))).message,
        /started with .*model/
      )
      const before = server.requests.length
      yield* evaluated(server, out, { resume: true, maxTokens: 64 })
      assert.strictEqual(server.requests.length - before, samples)
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.live("says which file is damaged, and what to do", () =>
    Effect.gen(function*() {
      const out = join(yield* temporary, "run")
      const server = yield* Server.start
      server.answer = dying(10, Server.send(401, ""))
      yield* Effect.flip(evaluated(server, out))
      const spool = join(out, "checkpoints", spools(out)[0]!)
      const kept = readFileSync(spool, "utf8")
      const short = JSON.stringify({ ...JSON.parse(kept.split("\n")[0]!), logprobs: "AAA=" })
      for (const line of ["not JSON\n", "{}\n", `${short}\n`]) {
        writeFileSync(spool, kept + line)
        assert.match(
          (yield* Effect.flip(evaluated(server, out, { resume: true }))).message,
          /spool\.jsonl: .*remove the file/
        )
      }
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.live("keeps no refusal while nothing was answered: the set-up may be to blame", () =>
    Effect.gen(function*() {
      const out = join(yield* temporary, "run")
      const server = yield* Server.start
      server.answer = Server.send(400, { error: { message: "something is wrong with model v7" } })
      const error = yield* Effect.flip(evaluated(server, out))
      assert.match(
        error.message,
        /the first 10 requests were all refused and none was answered.*something is wrong with model v7.*let others/
      )
      assert.isAtMost(server.requests.length, 10 + 8)
      server.answer = Server.behave
      const before = server.requests.length
      yield* evaluated(server, out, { resume: true })
      assert.strictEqual(server.requests.length - before, samples)
      assert.notInclude(readFileSync(join(out, "predictions.jsonl"), "utf8"), "fault")
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.live("can still end when all that is left is refused", () =>
    Effect.gen(function*() {
      const out = join(yield* temporary, "run")
      const server = yield* Server.start
      server.answer = dying(10, Server.send(401, ""))
      yield* Effect.flip(evaluated(server, out))
      server.answer = Server.send(400, { error: { code: "content_filter", message: "no" } })
      yield* evaluated(server, out, { resume: true })
      assert.strictEqual(readFileSync(join(out, "predictions.jsonl"), "utf8").match(/"fault"/g)?.length, samples - 10)
    }).pipe(Effect.scoped, Effect.provide(services)))
})

describe("a local evaluation that is cut off", () => {
  it.live("goes on at the first batch that was not whole, in the same batches", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      const local = (out: string, calls: number, resume: boolean) =>
        Effect.gen(function*() {
          const trace = yield* Stub.Trace
          const stub = yield* Policy.Policy
          const failing = Policy.Policy.of({
            ...stub,
            session: Effect.map(stub.session, (session) => ({
              ...session,
              sample: (...given: Parameters<typeof session.sample>) =>
                trace.batches.length < calls
                  ? session.sample(...given)
                  : Effect.fail(new Policy.PolicyError({ operation: "sample", reason: "cut" }))
            }))
          })
          const result = yield* evaluate({ method: "model", task, data, grammar: "off" }).pipe(
            Effect.tap(Results.write),
            Effect.provideService(Policy.Policy, failing),
            Effect.provideService(Rise.Batching, { prompts: 8, calls: 1 }),
            inFolder({ out, seed: 0, resume, task, train: Stream.empty, test: data, config: {} }),
            Effect.result
          )
          return { done: Result.isSuccess(result), batches: [...trace.batches] }
        }).pipe(Effect.provide(Layer.fresh(Layer.provideMerge(Stub.layer(), Stub.Trace.layer))))
      const [whole, cut] = [join(directory, "whole"), join(directory, "cut")]
      assert.deepStrictEqual(yield* local(whole, 99, false), { done: true, batches: [8, 8, 8, 8, 8] })
      assert.deepStrictEqual(yield* local(cut, 3, false), { done: false, batches: [8, 8, 8] })
      // The third batch was not written to its end.
      const spool = join(cut, "checkpoints", spools(cut)[0]!)
      const lines = readFileSync(spool, "utf8").split("\n")
      assert.strictEqual(lines.length, 25)
      writeFileSync(spool, `${lines.slice(0, 20).join("\n")}\n${lines[20]!.slice(0, 30)}`)
      assert.deepStrictEqual(yield* local(cut, 99, true), { done: true, batches: [8, 8, 8] })
      assert.deepStrictEqual(bytes(cut), bytes(whole))
      assert.deepStrictEqual(
        readdirSync(cut, { recursive: true }).sort(),
        readdirSync(whole, { recursive: true }).sort()
      )
    }).pipe(Effect.scoped, Effect.provide(services)))
})

describe("a picture", () => {
  it.live("that cannot be read or is too large to send is one wrong answer with its fault", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      const bad = { image: Image.encoded("joy-cut", new Uint8Array(9)), truth: "joy" as const }
      const gone = { image: Image.file("/nowhere/a.png", "joy-gone"), truth: "joy" as const }
      const noise = Uint8Array.from(Keyed.uniforms(1, "noise", new Float32Array(64 * 64 * 3)), (u) => u * 256)
      const large = {
        image: Image.rendered("joy-large", () => ({ width: 64, height: 64, data: noise })),
        truth: "joy" as const
      }
      const test = Stream.concat(Stream.make(bad, gone, large), Stub.data(6))
      const server = yield* Server.start
      const rows = yield* evaluated(server, join(directory, "run"), { test, maxBytes: 500 })
      assert.strictEqual(server.requests.length, 6)
      assert.closeTo(rows.find(({ metric, part }) => metric === "error" && part === "all")!.value, 3 / 9, 1e-12)
      const lines = readFileSync(join(directory, "run", "predictions.jsonl"), "utf8").split("\n").slice(0, 3)
      const faults = lines.map((line) => String(JSON.parse(line).fault))
      assert.match(faults[0]!, /joy-cut: /)
      assert.match(faults[1]!, /joy-gone .*no such file/)
      assert.match(faults[2]!, /joy-large: too large to send/)
      assert.isFalse(existsSync(join(directory, "run", "checkpoints", "model%2Fevaluate.spool.jsonl")))
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.live("none of which was answered ends the evaluation", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      const server = yield* Server.start
      server.answer = Server.send(400, { error: { message: "Invalid image data" } })
      const error = yield* Effect.flip(evaluated(server, join(directory, "run"), { test: Stub.data(3) }))
      assert.match(error.message, /all of 3 requests were refused and none was answered.*400: Invalid image data/)
    }).pipe(Effect.scoped, Effect.provide(services)))
})
