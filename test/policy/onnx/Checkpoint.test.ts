/** A live policy goes on from a checkpoint as if nothing had stopped, and from nothing that is none. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect, FileSystem, Layer } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { createHash } from "node:crypto"
import { fileURLToPath } from "node:url"
import { Runtime } from "../../../src/kernels/runtime/index.ts"
import { Safetensors } from "../../../src/kernels/weights/index.ts"
import { Objective, Policy, PolicyError } from "../../../src/policy/index.ts"
import * as Checkpoint from "../../../src/policy/onnx/Checkpoint.ts"
import { prompts } from "./pictures.ts"
import type { Given } from "./programs/resumed.ts"
import * as Stages from "./stages.ts"
import { fingerprint, read, type State, state, stateFile, weights, write } from "./weights.ts"

const program = fileURLToPath(new URL("./programs/resumed.ts", import.meta.url))

const temporary = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

const hashOf = (bytes: Uint8Array | Float32Array) => createHash("sha256").update(bytes).digest("hex")
const hash = (directory: string) =>
  Effect.map(Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFile(`${directory}/${stateFile}`)), hashOf)

/** Everything that a policy is, in short. */
const now = Effect.scoped(Effect.gen(function*() {
  const directory = yield* temporary
  yield* (yield* Policy).checkpoint(directory)
  return yield* hash(directory)
}))

const about = ({ metadata }: State) =>
  JSON.parse(metadata["state"] ?? "") as { readonly step: number; readonly reference: string }

/** A stage that is never stopped, with a checkpoint after each of its steps: `out/0` before the first. */
const kept = (kind: Stages.Kind, of: Stages.Trained, out: string) =>
  Effect.gen(function*() {
    const policy = yield* Policy
    yield* Stages.begin(kind)
    yield* policy.checkpoint(`${out}/0`)
    yield* Stages.go(kind, 0, Stages.STEPS, (step) => policy.checkpoint(`${out}/${step}`))
  }).pipe(Effect.provide(Stages.fresh(of, kind)))

const OWN = "weights of its own"
const ADAPTER = "an adapter that drops"

/** Where the RFT of an adapter is kept, for all tests. */
class Kept extends Context.Service<Kept, string>()("test/Kept") {
  static readonly layer = Layer.effect(this, Effect.tap(temporary, (out) => kept("rft", ADAPTER, out)))
}

/** Policies come and go, their worker stays. */
const live = Kept.layer.pipe(
  Layer.provideMerge(Runtime.layer({ workers: 1, keep: 32 })),
  Layer.provideMerge(NodeServices.layer)
)

/**
 * What another policy makes of the steps that are left, by the step that the stage was stopped after. It begins in the
 * middle, knowing nothing; what it did for one is nothing that the next one may find.
 */
const resumed = (kind: Stages.Kind, of: Stages.Trained, out: string) =>
  Effect.forEach([2, 3, 0, 1], (step) =>
    Effect.gen(function*() {
      yield* (yield* Policy).restore(`${out}/${step}`)
      yield* Stages.go(kind, step)
      return [step, yield* now] as const
    })).pipe(Effect.provide(Stages.fresh(of, kind)))

layer(live, { timeout: "120 seconds" })("the state of a live policy", (it) => {
  describe("a stage that is stopped after any of its steps and goes on in another policy", () => {
    for (const of of Object.keys(Stages.trained) as ReadonlyArray<Stages.Trained>) {
      for (const kind of Stages.kinds) {
        it.effect(`ends with the same bytes: ${kind} of ${of}`, () =>
          Effect.gen(function*() {
            const known = kind === "rft" && of === ADAPTER
            const out = yield* known ? Kept : temporary
            if (!known) yield* kept(kind, of, out)
            const expected = yield* hash(`${out}/${Stages.STEPS}`)
            const ends = yield* resumed(kind, of, out)
            assert.deepStrictEqual(
              ends,
              ends.map(([step]) => [step, expected]),
              "by the step that it was stopped after"
            )
          }))
      }
    }

    it.effect("as one does that leaves no checkpoint behind", () =>
      Effect.gen(function*() {
        yield* Stages.begin("rft")
        yield* Stages.go("rft", 0)
        assert.strictEqual(yield* now, yield* hash(`${yield* Kept}/${Stages.STEPS}`))
      }).pipe(Effect.provide(Stages.fresh(ADAPTER, "rft"))))

    it.effect("in another process, too", () =>
      Effect.gen(function*() {
        const [out, to] = [yield* Kept, yield* temporary]
        const step = 2
        const given: Given = { kind: "rft", trained: ADAPTER, step, from: `${out}/${step}`, to }
        const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
        const code = yield* spawner.exitCode(
          ChildProcess.make(process.execPath, [program, JSON.stringify(given)], { stderr: "inherit" })
        )
        assert.strictEqual(Number(code), 0)
        assert.strictEqual(yield* hash(to), yield* hash(`${out}/${Stages.STEPS}`))
      }))

    it.effect("would end with other weights by another reference, without its moments, or begun again", () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const [out, others] = [yield* Kept, yield* temporary]
        const step = 2
        const stopped = yield* read(`${out}/${step}/${stateFile}`)
        const { reference, ...rest } = stopped.tensors
        const told = (change: object) => ({ state: JSON.stringify({ ...about(stopped), ...change }) })
        /** Goes on from a state; tells the weights that it leads to, which is less than all that is kept of them. */
        const from = (name: string, state: State, between: Effect.Effect<void, PolicyError, Policy> = Effect.void) =>
          Effect.gen(function*() {
            yield* fs.makeDirectory(`${others}/${name}`)
            yield* write(`${others}/${name}/${stateFile}`, state)
            yield* (yield* Policy).restore(`${others}/${name}`)
            yield* between
            yield* Stages.go("rft", step)
            return [name, hashOf(yield* weights)] as const
          }).pipe(Effect.provide(Stages.fresh(ADAPTER, "rft")))
        const { tensors } = yield* read(`${out}/${Stages.STEPS}/${stateFile}`)
        const expected = hashOf(tensors["weights"]!)
        const ends = yield* Effect.all([
          from("as it was", stopped),
          from("another reference", { ...stopped, tensors: { ...rest, reference: rest["weights"]! } }),
          from("the base as reference", { metadata: told({ reference: "base" }), tensors: rest }),
          from("no reference", { metadata: told({ reference: "none" }), tensors: rest }),
          from("no moments", {
            metadata: told({ step: 0 }),
            tensors: { reference: reference!, weights: rest["weights"]! }
          }),
          from("another step", { ...stopped, metadata: told({ step: about(stopped).step + 1 }) }),
          from("begun again", stopped, Effect.flatMap(Policy, ({ beginStage }) => beginStage))
        ], { concurrency: 2 })
        assert.deepStrictEqual(ends.filter(([, end]) => end === expected).map(([name]) => name), ["as it was"])
        assert.strictEqual(new Set(ends.map(([, end]) => end)).size, ends.length)
      }))
  })

  describe("a checkpoint", () => {
    it.effect("holds moments and reference within a stage, and weights alone before and after", () =>
      Effect.gen(function*() {
        const holds = Effect.map(
          state,
          (state) => [Object.keys(state.tensors).toSorted().join(" "), about(state).step, about(state).reference]
        )
        const through = (kind: Stages.Kind, of: Stages.Trained) =>
          Effect.gen(function*() {
            const policy = yield* Policy
            const before = yield* holds
            yield* Stages.begin(kind)
            const begun = yield* holds
            yield* Stages.go(kind, 0, 1)
            const within = yield* holds
            yield* policy.endStage
            return [before, begun, within, yield* holds]
          }).pipe(Effect.provide(Stages.fresh(of, kind)))
        const nothing = ["weights", 0, "none"]
        const moments = "firstMoment secondMoment weights"
        assert.deepStrictEqual(yield* through("sft", OWN), [
          nothing,
          ["reference weights", 0, "weights"],
          ["firstMoment reference secondMoment weights", 1, "weights"],
          nothing
        ])
        // An untouched adapter is its base, which is in no need of being kept.
        assert.deepStrictEqual(yield* through("sft", ADAPTER), [
          nothing,
          ["weights", 0, "base"],
          [moments, 1, "base"],
          nothing
        ])
        assert.deepStrictEqual(yield* through("rft", ADAPTER), [
          nothing,
          ["reference weights", 0, "weights"],
          ["firstMoment reference secondMoment weights", 2, "weights"],
          nothing
        ])
      }))

    it.effect("of a finished stage is where the next one starts", () =>
      Effect.gen(function*() {
        const out = yield* temporary
        const next = Effect.gen(function*() {
          yield* (yield* Policy).beginStage
          yield* Stages.go("reinforce", 0, 2)
          return yield* now
        })
        const through = Effect.gen(function*() {
          const policy = yield* Policy
          yield* Stages.begin("sft")
          yield* Stages.go("sft", 0, 2)
          yield* policy.endStage
          yield* policy.checkpoint(out)
          return yield* next
        }).pipe(Effect.provide(Stages.fresh(ADAPTER, "sft")))
        const from = Effect.gen(function*() {
          yield* (yield* Policy).restore(out)
          return yield* next
        }).pipe(Effect.provide(Stages.fresh(ADAPTER, "sft")))
        const expected = yield* through
        assert.strictEqual(yield* from, expected)
      }))

    it.effect("takes the place of an earlier one, whole; what cannot be written leaves the earlier one", () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const out = yield* temporary
        yield* Effect.gen(function*() {
          const policy = yield* Policy
          yield* Stages.begin("sft")
          yield* Stages.go("sft", 0, 1)
          yield* policy.checkpoint(`${out}/deep/down`)
          const first = yield* hash(`${out}/deep/down`)
          yield* policy.endStage
          yield* policy.checkpoint(`${out}/deep/down`)
          const second = yield* hash(`${out}/deep/down`)
          assert.notStrictEqual(second, first)
          assert.strictEqual(second, yield* now)
          assert.deepStrictEqual(yield* fs.readDirectory(`${out}/deep/down`), [stateFile])

          yield* fs.writeFileString(`${out}/file`, "")
          const inTheWay = yield* Effect.flip(policy.checkpoint(`${out}/file`))
          assert.strictEqual(inTheWay.operation, "checkpoint")
          assert.include(inTheWay.message, `${out}/file`)

          // No update leaves such weights: they are written past the policy.
          const moments = { step: 0, firstMoment: new Float32Array(1), secondMoment: new Float32Array(1) }
          const ruined = yield* Effect.flip(
            Checkpoint.write(`${out}/deep/down`, {
              weights: Float32Array.of(1, NaN),
              optimizer: moments,
              reference: { kind: "none" }
            })
          )
          assert.include(ruined.message, `${out}/deep/down/${stateFile}: tensor "`)
          assert.include(ruined.message, "holds a value that is not finite (found ")
          assert.strictEqual(yield* hash(`${out}/deep/down`), second)
          assert.deepStrictEqual(yield* fs.readDirectory(`${out}/deep/down`), [stateFile])
          yield* policy.restore(`${out}/deep/down`)
          assert.strictEqual(yield* now, second)
        }).pipe(Effect.provide(Stages.fresh(ADAPTER, "sft")))
      }))

    it.effect("is written by a policy that nothing trains, too", () =>
      Effect.gen(function*() {
        const out = yield* temporary
        yield* Effect.gen(function*() {
          const policy = yield* Policy
          yield* policy.checkpoint(out)
          yield* policy.restore(out)
          assert.strictEqual((yield* state).tensors["weights"]!.length, 0)
        }).pipe(Effect.provide(Stages.fresh(OWN, "sft", { trainable: "none" })))
      }))
  })

  describe("a policy that goes back to a checkpoint", () => {
    it.effect("draws from its weights, whatever it had become since", () =>
      Effect.gen(function*() {
        const out = yield* temporary
        // Packed into the sessions, weights are copies that go out of date.
        const policy = Stages.fresh(OWN, "sft", { packFrom: [0, Infinity] })
        const learn = (text: string) =>
          Effect.flatMap(Policy, ({ update }) =>
            update(Objective.Supervised({ examples: [{ prompt: prompts[1]!, target: [{ text, weight: 1 }] }] }), {
              learningRate: 5e-3
            }))
        const drawn = Effect.scoped(Effect.gen(function*() {
          const session = yield* (yield* Policy).session
          const groups = yield* session.sample([{ prompt: prompts[1]!, key: "drawn" }], { count: 2, maxTokens: 24 })
          return groups.flat().map(({ tokens }) => [...tokens])
        }))
        const { joy, sad, start } = yield* Effect.gen(function*() {
          const { checkpoint, restore } = yield* Policy
          yield* checkpoint(out)
          yield* learn("joy joy joy joy joy joy")
          const joy = yield* drawn
          yield* restore(out)
          const start = yield* drawn
          // Other weights again, and nothing drawn in between.
          yield* learn("joy joy joy joy joy joy")
          yield* drawn
          yield* restore(out)
          yield* learn("a sad dragon")
          return { joy, start, sad: yield* drawn }
        }).pipe(Effect.provide(policy))
        const expected = yield* Effect.gen(function*() {
          const start = yield* drawn
          yield* learn("a sad dragon")
          return { start, sad: yield* drawn }
        }).pipe(Effect.provide(policy))
        assert.notDeepEqual(joy, expected.sad)
        assert.deepStrictEqual(start, expected.start)
        assert.deepStrictEqual(sad, expected.sad)
      }))

    it.effect("sees with its tower again, and does the steps again to the same bytes", () =>
      Effect.gen(function*() {
        const out = yield* temporary
        yield* Effect.gen(function*() {
          const policy = yield* Policy
          yield* Stages.begin("rft")
          yield* Stages.go("rft", 0, 1)
          yield* policy.checkpoint(out)
          yield* Stages.go("rft", 1, 3)
          const expected = yield* now
          // The pictures as the tower sees them now are not what it saw then.
          yield* Stages.look
          yield* policy.restore(out)
          assert.strictEqual(yield* now, yield* hash(out))
          yield* Stages.go("rft", 1, 3)
          assert.strictEqual(yield* now, expected)
        }).pipe(Effect.provide(Stages.fresh(OWN, "rft")))
      }))

    it.effect("does not while a session is open, nor begins, ends or reverts a stage", () =>
      Effect.gen(function*() {
        const out = yield* temporary
        yield* Effect.gen(function*() {
          const policy = yield* Policy
          yield* policy.checkpoint(out)
          const snapshot = yield* policy.snapshot
          yield* Stages.begin("sft")
          yield* Stages.go("sft", 0, 1)
          const before = yield* now
          const refused = yield* Effect.scoped(Effect.andThen(
            policy.session,
            Effect.forEach(
              [policy.restore(out), policy.revert(snapshot), policy.beginStage, policy.endStage],
              Effect.flip
            )
          ))
          assert.deepStrictEqual(refused.map(({ operation }) => operation), ["restore", "restore", "update", "update"])
          for (const { message } of refused) assert.match(message, /1 inference session\(s\) still open/)
          assert.strictEqual(yield* now, before)
          yield* policy.restore(out)
          assert.strictEqual(yield* now, yield* hash(out))
        }).pipe(Effect.provide(Stages.fresh(ADAPTER, "sft")))
      }))
  })

  describe("a policy that is given what is not its own", () => {
    it.effect("refuses a checkpoint by the name of its file, and is not changed by it", () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const [out, wrong] = [yield* Kept, yield* temporary]
        const good = yield* read(`${out}/2/${stateFile}`)
        const { tensors } = good
        const told = (change: object) => ({
          ...good,
          metadata: { state: JSON.stringify({ ...about(good), ...change }) }
        })
        const without = (name: string) => ({
          ...good,
          tensors: Object.fromEntries(Object.entries(tensors).filter(([key]) => key !== name))
        })
        const longer = (name: string) => ({
          ...good,
          tensors: { ...tensors, [name]: new Float32Array(tensors[name]!.length + 16) }
        })
        const written = (state: State) => (file: string) => write(file, state)
        const cut = (bytes: number) => (file: string) => Effect.andThen(write(file, good), fs.truncate(file, bytes))
        const poisoned = (name: string) => (file: string) =>
          Effect.gen(function*() {
            yield* write(file, good)
            const { end } = (yield* Safetensors.readHeader(file)).tensors.get(name)!
            yield* fs.writeFile(file, (yield* fs.readFile(file)).fill(0xff, end - 4, end))
          })
        const of = (trained: Stages.Trained, options: Parameters<typeof Stages.fresh>[2]) => (file: string) =>
          Effect.flatMap(Policy, ({ checkpoint }) => checkpoint(file.slice(0, -stateFile.length - 1))).pipe(
            Effect.provide(Stages.fresh(trained, "rft", options))
          )
        const names = Object.keys(tensors)
        assert.strictEqual(names.length, 4)
        const ways = {
          "not there": () => Effect.void,
          "empty": (file: string) => fs.writeFileString(file, ""),
          "a text": (file: string) => fs.writeFileString(file, "these are no weights at all"),
          "cut in its header": cut(100),
          "cut in its last number": cut(Number((yield* fs.stat(`${out}/2/${stateFile}`)).size) - 2),
          "of another adapter": of(ADAPTER, { lora: { rank: 2, targets: "all-linear" } }),
          "of a model without an adapter": of(OWN, {}),
          "of another version: it says nothing": written({ ...good, metadata: {} }),
          "of another version: it says something else": written({ ...good, metadata: { state: "[]" } }),
          "of another version: another reference": written(told({ reference: "hub" })),
          "of another version: no step": written(told({ step: 0.5 })),
          "of steps that nobody took": written(told({ step: -1 })),
          ...Object.fromEntries(names.flatMap((name) => [
            [`without ${name}`, written(without(name))],
            [`of longer ${name}`, written(longer(name))],
            [`${name} of no numbers`, poisoned(name)]
          ]))
        }
        yield* Effect.gen(function*() {
          const policy = yield* Policy
          yield* policy.restore(`${out}/1`)
          const before = yield* now
          const said = yield* Effect.forEach(Object.entries(ways), ([way, make]) =>
            Effect.gen(function*() {
              const directory = `${wrong}/${way}`
              yield* fs.makeDirectory(directory)
              yield* make(`${directory}/${stateFile}`)
              const why = yield* Effect.match(policy.restore(directory), {
                onSuccess: () => "was taken",
                onFailure: (error) =>
                  error instanceof PolicyError && error.operation === "restore" &&
                    error.message.includes(`${directory}/${stateFile}`)
                    ? ""
                    : error.message
              })
              const after = yield* now
              yield* policy.restore(`${out}/1`)
              return [
                ...why === "" ? [] : [`${way}: ${why}`],
                ...after === before ? [] : [`${way}: it changed the policy`]
              ]
            }))
          assert.deepStrictEqual(said.flat(), [])
          yield* policy.restore(`${out}/2`)
          assert.strictEqual(yield* now, yield* hash(`${out}/2`))
        }).pipe(Effect.provide(Stages.fresh(ADAPTER, "rft")))
      }))

    it.effect(
      "refuses a snapshot of another engine or model; one of its own brings its weights back, with " +
        "fresh moments",
      () =>
        Effect.gen(function*() {
          const other = yield* Effect.flatMap(Policy, ({ snapshot }) => snapshot).pipe(
            Effect.provide(Stages.fresh(ADAPTER, "sft", { lora: { rank: 2 } }))
          )
          yield* Effect.gen(function*() {
            const policy = yield* Policy
            yield* Stages.begin("rft")
            const [snapshot, at] = [yield* policy.snapshot, yield* state]
            yield* Stages.go("rft", 0, 1)
            const [before, moved] = [yield* now, yield* state]
            for (
              const [foreign, why] of [[
                { version: snapshot.version },
                /^policy restore: the snapshot is of another engine/
              ], [other, /^policy restore: .* values/]] as const
            ) {
              const error = yield* Effect.flip(policy.revert(foreign))
              assert.strictEqual(error.operation, "restore")
              assert.match(error.message, why)
              assert.strictEqual(yield* now, before)
            }
            yield* policy.revert(snapshot)
            const back = yield* state
            const tensorsOf = ({ tensors }: State) => fingerprint({ metadata: {}, tensors })
            assert.notStrictEqual(tensorsOf(moved)["weights"], tensorsOf(at)["weights"])
            assert.deepStrictEqual(tensorsOf(back), tensorsOf(at), "weights and reference, no moments")
            // Kept on the disk it comes back just so, in another policy too, whatever that has become.
            const out = yield* temporary
            yield* policy.checkpoint(`${out}/at`)
            yield* policy.saveSnapshot(snapshot, `${out}/snapshot`)
            const refused = yield* Effect.flip(policy.saveSnapshot({ version: 1 }, `${out}/foreign`))
            assert.match(refused.message, /^policy checkpoint: the snapshot is of another engine/)
            const again = yield* Effect.gen(function*() {
              const policy = yield* Policy
              yield* policy.restore(`${out}/at`)
              yield* Stages.go("rft", 0, 1)
              yield* policy.revert(yield* policy.loadSnapshot(`${out}/snapshot`))
              // The same bytes, though these weights have changed more often.
              return yield* now
            }).pipe(Effect.provide(Stages.fresh(ADAPTER, "rft")))
            assert.strictEqual(again, yield* hash(`${out}/at`))
          }).pipe(Effect.provide(Stages.fresh(ADAPTER, "rft")))
        })
    )
  })
})
