/** A τ that sinks far below what was asked for says so. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Event, Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import * as Stub from "./StubPolicy.ts"

/** What `filter` warns of, where all answers are "fear": right for every third picture, worth 0.2 for the others. */
const warned = (options: Rise.FilterOptions) =>
  Effect.gen(function*() {
    const said: Array<string> = []
    const view = {
      ...silent,
      report: (event: Event) =>
        Effect.sync(() => {
          if (Event.$is("Warned")(event)) said.push(`${event.stage}: ${event.text}`)
        })
    }
    const items = Rise.make(Stub.Mood, Stub.data(30)).pipe(
      Rise.generate(),
      Rise.reconstruct(),
      Rise.validate(),
      Rise.best(),
      Rise.filter(options)
    ).items
    yield* Stream.runDrain(items).pipe(
      Effect.provide(
        Layer.mergeAll(
          Stub.layer({ bias: { fear: 50 } }),
          Run.layerMemory({ seed: 0 }),
          Layer.succeed(Progress, view)
        ).pipe(Layer.provideMerge(Stub.Trace.layer), Layer.provideMerge(NodeServices.layer))
      )
    )
    return said
  })

describe("a tau that sinks", () => {
  it.effect("says from where to where, and how many chains have not reached it", () =>
    Effect.gen(function*() {
      const [one = "", ...more] = yield* warned({ tau: 0.9, least: 0.5 })
      assert.include(
        one,
        "filter: tau has sunk from 0.9 to 0.2: 20 of 30 chains have not reached it, and 30 are learned from all the " +
          "same."
      )
      assert.deepStrictEqual(more, [])
    }))

  it.effect("says nothing where it stays, or sinks by little", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* warned({ tau: 0.9, least: 0.3 }), [])
      assert.deepStrictEqual(yield* warned({ tau: 0.3, least: 0.5 }), [])
    }))
})
