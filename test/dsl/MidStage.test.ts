/** Stages that are cut off on their way: they go on where they were kept, and end with the same bytes. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Result } from "effect"
import { Progress, type View } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Policy, PolicyError } from "../../src/policy/Policy.ts"
import { drawing } from "../policy/drawing.ts"
import { everyStage } from "./everyStage.ts"
import { contents, ledgerOf, temporary } from "./folders.ts"
import * as Stub from "./StubPolicy.ts"

const pipeline = everyStage()

/** What a run did before it ended or was cut off. */
interface Attempt {
  readonly done: boolean
  readonly operations: number
  readonly updates: number
  /** Steps that stages said were done already, by stage. */
  readonly goingOn: Readonly<Record<string, number>>
}

/** Runs until it has sampled and updated so many times together. */
const attempt = (
  out: string,
  most: number,
  checkpoint: Rise.CheckpointOptions = { every: { steps: 2 }, share: 1 }
) =>
  Effect.gen(function*() {
    let operations = 0
    let updates = 0
    const goingOn: Record<string, number> = {}
    const view: View = {
      report: (event) =>
        Effect.sync(() => {
          if (event._tag === "Started" && event.done !== undefined) goingOn[event.stage] = event.done
        })
    }
    const counted = Effect.suspend(() =>
      ++operations > most ? Effect.fail(new PolicyError({ operation: "sample", reason: "power cut" })) : Effect.void
    )
    const stub = yield* Policy
    const mortal = Policy.of({
      ...drawing(stub, (sample) => (...given) => Effect.andThen(counted, sample(...given))),
      update: (...given) =>
        Effect.andThen(counted, Effect.tap(stub.update(...given), () => Effect.sync(() => updates++)))
    })
    const result = yield* pipeline.pipe(
      Rise.run({ out, seed: 3, resume: true, checkpoint }),
      Effect.provideService(Policy, mortal),
      Effect.provideService(Rise.Batching, { prompts: 8, calls: 1 }),
      Effect.provideService(Progress, view),
      Effect.result
    )
    if (Result.isFailure(result)) assert.include(result.failure.message, "power cut")
    return { done: Result.isSuccess(result), operations, updates, goingOn } satisfies Attempt
  }).pipe(Effect.provide(Layer.fresh(Stub.layer({ seed: 1 }).pipe(Layer.provideMerge(Stub.Trace.layer)))))

/** Cuts it off after so many, then so many, and from then on after the last so many. */
const untilDone = Effect.fnUntraced(function*(out: string, most: ReadonlyArray<number>) {
  const attempts: Array<Attempt> = []
  while (attempts.length < 100) {
    const one = yield* attempt(out, most[attempts.length] ?? most.at(-1) ?? Infinity)
    attempts.push(one)
    if (one.done) return attempts
  }
  return assert.fail("it never ends")
})

describe("a stage that is cut off", () => {
  it.live("goes on where it was kept, to the bytes of a run that nothing cut off", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      const whole = yield* attempt(`${directory}/whole`, Infinity, { every: { steps: 0, minutes: 0 } })
      const expected = yield* contents(`${directory}/whole`)
      assert.isTrue(whole.done)
      const stages = new Set<string>()
      for (const most of [[3, 7, 17], [30, 23], [71]]) {
        const out = `${directory}/cut-${most}`
        const attempts = yield* untilDone(out, most)
        assert.deepStrictEqual(yield* contents(out), expected, `cut off after ${most}`)
        const operations = attempts.reduce((sum, one) => sum + one.operations, 0)
        // Lost are at most two steps, one look at the validation split, and the operation that failed.
        assert.isAtMost(operations, whole.operations + attempts.length * 14, `cut off after ${most}`)
        for (const { goingOn } of attempts) for (const stage of Object.keys(goingOn)) stages.add(stage)
      }
      assert.deepStrictEqual(
        [...stages].toSorted(),
        ["explain", "reinforce", "rft", "sft", "warm-up", "warm-up-chains"]
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 60_000)

  it.live("keeps as many on its way as it is asked to, and none once it has ended", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* temporary}/run`
      const folders = Effect.map(
        fs.readDirectory(`${out}/checkpoints`),
        (names) => names.filter((name) => /step|selected/.test(name)).toSorted()
      )
      const seen = new Set<string>()
      for (let most = 9; most < 140; most += 13) {
        const { done } = yield* attempt(out, most, { every: { steps: 1 }, keep: 3, share: 1 })
        const names = yield* folders
        const { midStage } = yield* ledgerOf(out)
        assert.isAtMost(midStage.length, 3)
        assert.deepStrictEqual(
          names,
          [...new Set(midStage.flatMap(({ folders }) => Object.keys(folders)))].toSorted(),
          "what the ledger speaks of, and no more"
        )
        for (const name of names) seen.add(name.replace(/\d+$/, "N"))
        if (done) {
          assert.deepStrictEqual(names, [])
          break
        }
      }
      assert.includeMembers([...seen], ["reinforce.step-N", "reinforce.selected-N", "sft.step-N"])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.live("goes on from the checkpoint before a damaged one, and says so", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* temporary
      yield* attempt(`${directory}/whole`, Infinity)
      const expected = yield* contents(`${directory}/whole`)
      const out = `${directory}/cut`
      const cut = yield* attempt(out, 60, { every: { steps: 2 }, keep: 2, share: 1 })
      assert.isFalse(cut.done)
      const { midStage } = yield* ledgerOf(out)
      assert.strictEqual(midStage.length, 2)
      const [before, last] = midStage
      yield* fs.truncate(`${out}/checkpoints/${last!.stage}.step-${last!.step}/${Stub.stateFile}`, 50)
      const { done, goingOn } = yield* attempt(out, Infinity)
      assert.isTrue(done)
      assert.deepStrictEqual(goingOn, { [before!.stage]: before!.step })
      const { "metrics.jsonl": metrics, "checkpoints/ledger.json": _, ...rest } = yield* contents(out)
      const { "metrics.jsonl": undisturbed, "checkpoints/ledger.json": __, ...others } = expected
      assert.deepStrictEqual(rest, others)
      const told = metrics!.split("\n").filter((line) => line.startsWith("{\"stage\":\"resume\""))
      assert.strictEqual(told.length, 1)
      assert.include(told[0], "has 50 bytes, expected")
      assert.strictEqual(metrics!.split("\n").filter((line) => line !== told[0]).join("\n"), undisturbed)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
