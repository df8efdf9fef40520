/** The report of a run while it goes on. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, FileSystem, Layer, Logger, Option, Schema } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import { request } from "node:http"
import { serve } from "../../src/cli/reportServer.ts"
import { Event, Progress, report as tell, silent } from "../../src/dsl/Progress.ts"
import { NothingToTrainOn } from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import * as Results from "../../src/evaluation/Results.ts"
import { inFolder } from "../../src/studies/folder.ts"
import * as Now from "../../src/studies/report/Now.ts"
import * as Stub from "../dsl/StubPolicy.ts"
import { reads } from "./reads.ts"

const services = Layer.mergeAll(Layer.succeed(Progress, silent), Logger.layer([]), TestClock.layer()).pipe(
  Layer.provideMerge(NodeServices.layer)
)

const temporary = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

/** A run of one stage that waits in its middle until it is let go. */
const waiting = (out: string, resume = false) =>
  Effect.gen(function*() {
    const [there, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
    const work = Effect.gen(function*() {
      const run = yield* Run
      yield* tell(Event.Planned({ stages: [{ stage: "sft", counted: 1 }, { stage: "rft", counted: 3 }] }))
      yield* run.once(
        "sft",
        Schema.Null,
        Effect.gen(function*() {
          yield* tell(Event.Started({ stage: "sft", total: 10, unit: "steps" }))
          yield* tell(Event.Step({ stage: "sft", step: 4, tokens: 500, figures: {} }))
          yield* Deferred.succeed(there, undefined)
          yield* Deferred.await(go)
          yield* tell(Event.Step({ stage: "sft", step: 10, tokens: 700, figures: {} }))
          yield* tell(Event.Finished({ stage: "sft", note: "" }))
          return null
        })
      )
      yield* Results.write([])
    })
    const fiber = yield* Effect.forkChild(work.pipe(
      inFolder({ out, seed: 0, resume, task: Stub.Mood, train: Stub.data(3), test: Stub.data(2), config: {} })
    ))
    return { fiber, there: Deferred.await(there), go: Deferred.succeed(go, undefined) }
  })

const read = (file: string) => Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(file))

/** Until it holds: what is written every few seconds is given minutes of the test's clock. */
const until = <E, R>(holds: Effect.Effect<boolean, E, R>) =>
  Effect.gen(function*() {
    for (let i = 0; i < 200; i++) {
      if (yield* holds) return
      yield* TestClock.adjust("1 second")
      yield* TestClock.withLive(Effect.sleep("5 millis"))
    }
    assert.fail("waited in vain")
  })

const live = <A, E>(effect: Effect.Effect<A, E, Layer.Success<typeof services> | import("effect").Scope.Scope>) =>
  Effect.runPromise(effect.pipe(Effect.scoped, Effect.provide(services)))

describe("a run under way", () => {
  it(
    "has a report from its first minute, which says what it does, and the whole one in the end",
    () =>
      live(Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const out = `${yield* temporary}/run`
        const run = yield* waiting(out)
        yield* run.there
        assert.include(yield* read(`${out}/report.html`), "There are no results yet: the run is under way.")
        yield* until(Effect.map(Now.read(out), Option.exists(({ step }) => step === 4)))
        const now = Option.getOrThrow(yield* Now.read(out))
        assert.deepStrictEqual({ ...now, secondsLeft: 0 }, {
          stage: "sft",
          step: 4,
          total: 10,
          unit: "steps",
          at: 1,
          of: 2,
          secondsLeft: 0
        })
        yield* run.go
        yield* Fiber.join(run.fiber)
        assert.notInclude(yield* read(`${out}/report.html`), "the run is under way.")
        assert.deepStrictEqual((yield* fs.readDirectory(`${out}/report`)).toSorted(), ["index.js", "run.js"])
        // What a stage used stands beside its time.
        const [line = ""] = (yield* read(`${out}/timings.jsonl`)).split("\n")
        const timing = JSON.parse(line)
        assert.strictEqual(timing.tokens, 1200)
        assert.isAbove(timing.mebibytes, 20)
        const ledger = JSON.parse(yield* read(`${out}/checkpoints/ledger.json`))
        assert.includeMembers(Object.keys(ledger.written), [
          "data.json",
          "report.html",
          "report/index.js",
          "report/run.js"
        ])
      })),
    300_000
  )

  it(
    "that failed or was cut off is not under way any more: its page says how it ended",
    () =>
      live(Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const out = `${yield* temporary}/run`
        const failing = Effect.fail(new NothingToTrainOn({ stage: "RISE/sft", what: "<pictures>" })).pipe(
          inFolder({ out, seed: 0, task: Stub.Mood, train: Stub.data(3), test: Stub.data(2), config: {} })
        )
        const error = yield* Effect.flip(failing)
        const html = yield* read(`${out}/report.html`)
        assert.notInclude(html, "the run is under way")
        assert.include(html, "The run ended with an error: RISE/sft: there are no &lt;pictures&gt;")
        assert.include(reads(html), "goes on with it by --out")
        assert.deepStrictEqual(JSON.parse(yield* read(`${out}/error.json`)), {
          error: "NothingToTrainOn",
          message: error.message
        })
        const again = yield* waiting(out, true)
        yield* again.there
        assert.isFalse(yield* fs.exists(`${out}/error.json`))
        assert.include(yield* read(`${out}/report.html`), "the run is under way.")
        yield* Fiber.interrupt(again.fiber)
        assert.notInclude(yield* read(`${out}/report.html`), "the run is under way")
        assert.isFalse(yield* fs.exists(`${out}/error.json`))
        const last = yield* waiting(out, true)
        yield* last.go
        yield* Fiber.join(last.fiber)
        assert.notInclude(yield* read(`${out}/report.html`), "not finished")
      })),
    300_000
  )

  it("that was cut off is gone on with in silence, and ends with the same report", () =>
    live(Effect.gen(function*() {
      const folder = yield* temporary
      const whole = yield* waiting(`${folder}/whole`)
      yield* whole.go
      yield* Fiber.join(whole.fiber)
      const cut = yield* waiting(`${folder}/cut`)
      yield* cut.there
      yield* Fiber.interrupt(cut.fiber)
      assert.isTrue(Option.isNone(yield* Now.read(`${folder}/cut`)))
      const again = yield* waiting(`${folder}/cut`, true)
      yield* again.go
      yield* Fiber.join(again.fiber)
      assert.strictEqual(yield* read(`${folder}/cut/report.html`), yield* read(`${folder}/whole/report.html`))
      // A page of another moment is nothing that a run has to be told of.
      assert.isFalse(yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.exists(`${folder}/cut/metrics.jsonl`)))
    })), 300_000)
})

/** With a host of its own choosing. */
const statusFor = (address: string, host: string) =>
  Effect.promise(() =>
    new Promise<number>((resolve) => {
      request(address, { headers: { host } }, (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      }).end()
    })
  )

describe("rise report --follow", () => {
  it("serves the page and what lies beside it to this machine, and nothing else", () =>
    live(
      Effect.gen(function*() {
        const out = `${yield* temporary}/run`
        const run = yield* waiting(out)
        yield* run.there
        const told = yield* Deferred.make<string>()
        yield* Effect.forkScoped(serve(out, 0, (address) => Deferred.succeed(told, address)))
        const address = yield* Deferred.await(told)
        assert.match(address, /^http:\/\/127\.0\.0\.1:\d+\/$/)
        const client = yield* HttpClient.HttpClient
        const get = (name: string) => client.get(`${address}${name}`)
        const page = yield* get("")
        assert.strictEqual(page.status, 200)
        assert.include(yield* page.text, "RISE on mood")
        assert.strictEqual(page.headers["cache-control"], "no-store")
        yield* until(Effect.map(
          Effect.flatMap(get("report/now.js?1"), ({ text }) => text),
          (text) => text.startsWith("rise(\"now\",{\"stage\":\"sft\"")
        ))
        for (
          const name of [
            "run.json",
            "report/now.json",
            "report/../run.json",
            "report/%2e%2e/run.json",
            "model/x",
            "report/"
          ]
        ) {
          assert.strictEqual((yield* get(name)).status, 404, name)
        }
        assert.strictEqual((yield* client.post(address)).status, 405)
        assert.strictEqual(yield* statusFor(address, "evil.example"), 403)
        assert.strictEqual(yield* statusFor(address, "localhost:1"), 200)
        yield* run.go
        yield* Fiber.join(run.fiber)
        assert.strictEqual(yield* Effect.flatMap(get("report/now.js"), ({ text }) => text), "rise(\"now\",null)\n")
        assert.strictEqual((yield* get("report/run.js")).status, 200)
      }).pipe(Effect.provide(FetchHttpClient.layer))
    ), 30_000)
})
