import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Exit, Fiber, FileSystem, Layer, Path, Scope } from "effect"
import { TestClock } from "effect/testing"
import { HostTensor, Runtime } from "../../../src/kernels/runtime/index.ts"
import * as Tiny from "./tinyModel.ts"

const vector = (...values: Array<number>): HostTensor.HostTensor => ({
  dtype: "float32",
  dims: [values.length],
  data: Float32Array.from(values)
})

const over = (data: HostTensor.HostData, ...dims: Array<number>): HostTensor.HostTensor => ({
  dtype: "float32",
  dims: dims.length === 0 ? [data.length] : dims,
  data
})

/** A square matrix of small deterministic values. */
const square = (n: number): HostTensor.HostTensor => {
  const data = HostTensor.shared.float32(n * n)
  for (let i = 0; i < data.length; i++) data[i] = Math.sin(i) / n
  return over(data, n, n)
}

/** Shifts columns by one: products with it neither grow nor vanish. */
const shift = (n: number): HostTensor.HostTensor => {
  const data = HostTensor.shared.float32(n * n)
  for (let i = 0; i < n; i++) data[i * n + (i + 1) % n] = 1
  return over(data, n, n)
}

/** A run of some hundred milliseconds on worker 0. */
const long = Effect.fn(function*(outputs: Record<string, HostTensor.HostTensor> = {}) {
  const runtime = yield* Runtime.Runtime
  const session = yield* runtime.open(0, Tiny.matMuls(384, 120), { bound: { w: shift(384) }, outputs })
  return session.run({ x: square(384) }, ["y"])
})

const TestRuntime = Runtime.layer({ workers: 2 })

layer(TestRuntime, { timeout: "30 seconds" })("Runtime", (it) => {
  it.effect("reads bound memory and writes preallocated outputs in place", () =>
    Effect.gen(function*() {
      const runtime = yield* Runtime.Runtime
      const weights = HostTensor.shared.float32(4)
      weights.set([10, 20, 30, 40])
      const sum = over(HostTensor.shared.float32(4))
      const session = yield* runtime.open(0, Tiny.add(), { bound: { b: over(weights) }, outputs: { sum } })
      const first = yield* session.run({ a: vector(1, 2, 3, 4) }, [])
      assert.strictEqual(first["sum"], sum)
      assert.deepStrictEqual([...sum.data], [11, 22, 33, 44])
      // An optimiser changes weights in place; the next run must see it.
      weights[0] = 100
      yield* session.run({ a: vector(1, 2, 3, 4) }, [])
      assert.deepStrictEqual([...sum.data], [101, 22, 33, 44])
    }))

  it.effect("keeps resident outputs for later runs, each state its own, and drops them with its scope", () =>
    Effect.gen(function*() {
      const runtime = yield* Runtime.Runtime
      const session = yield* runtime.open(1, Tiny.add(), { resident: { sum: "a" } })
      const escaped = yield* Effect.scoped(Effect.gen(function*() {
        const [one, two] = [yield* runtime.state(1), yield* runtime.state(1)]
        // a is fed once; every run adds b to the sum of those before, which never leaves the worker.
        assert.deepStrictEqual(yield* session.run({ a: vector(1, 1, 1, 1), b: vector(1, 2, 3, 4) }, [], one), {})
        yield* session.run({ a: vector(9, 9, 9, 9), b: vector(0, 0, 0, 0) }, [], two)
        yield* session.run({ b: vector(10, 10, 10, 10) }, [], one)
        const reader = yield* runtime.open(1, Tiny.add())
        const read = (state: Runtime.ResidentState) =>
          Effect.map(reader.run({ b: vector(0, 0, 0, 0) }, ["sum"], state), ({ sum }) => [...sum!.data])
        assert.deepStrictEqual(yield* read(one), [12, 13, 14, 15])
        assert.deepStrictEqual(yield* read(two), [9, 9, 9, 9])
        assert.deepStrictEqual(yield* read(one), [12, 13, 14, 15])
        const elsewhere = yield* Effect.flip(
          Effect.flatMap(runtime.state(0), (state) => session.run({ b: vector(0, 0, 0, 0) }, [], state))
        )
        assert.match(elsewhere.message, /the state is worker 0's, the session worker 1's/)
        return one
      }))
      const gone = yield* Effect.flip(session.run({ b: vector(0, 0, 0, 0) }, [], escaped))
      assert.match(gone.message, /input "a" is missing/)
      const without = yield* Effect.flip(session.run({ a: vector(0, 0, 0, 0), b: vector(0, 0, 0, 0) }, []))
      assert.match(without.message, /output "sum" stays in the worker; give the run a state/)
      const unknown = yield* Effect.flip(
        Effect.flatMap(
          runtime.open(1, Tiny.add(), { resident: { total: "a" } }),
          (wrong) =>
            Effect.flatMap(
              runtime.state(1),
              (state) => wrong.run({ a: vector(0, 0, 0, 0), b: vector(0, 0, 0, 0) }, [], state)
            )
        )
      )
      assert.match(unknown.message, /no output "total"/)
      const options = { resident: { sum: "a" }, outputs: { sum: over(HostTensor.shared.float32(4)) } }
      const both = yield* Effect.flip(runtime.open(1, Tiny.add(), options))
      assert.match(both.message, /output "sum" is both preallocated and resident: leave out one of the two/)
    }))

  it.effect("accepts views at an offset of one big shared buffer", () =>
    Effect.gen(function*() {
      const runtime = yield* Runtime.Runtime
      const all = HostTensor.shared.float32(64)
      all.set([1, 2, 3, 4], 16)
      const session = yield* runtime.open(1, Tiny.add(), {
        bound: { b: over(all.subarray(16, 20)) },
        outputs: { sum: over(all.subarray(32, 36)) }
      })
      yield* session.run({ a: vector(1, 1, 1, 1) }, [])
      assert.deepStrictEqual([...all.subarray(31, 37)], [0, 2, 3, 4, 5, 0])
    }))

  it.effect("copies arrays that are not shared, once when bound, and leaves them to the caller", () =>
    Effect.gen(function*() {
      const runtime = yield* Runtime.Runtime
      const weights = Float32Array.of(1, 1, 1, 1)
      const session = yield* runtime.open(0, Tiny.add(), { bound: { b: over(weights) } })
      weights[0] = 50
      const row = new Float32Array(1000).fill(7)
      const { sum } = yield* session.run({ a: over(row.subarray(2, 6)) }, ["sum"])
      assert.deepStrictEqual([...sum!.data], [8, 8, 8, 8])
      assert.strictEqual(row[2], 7)
      assert.instanceOf(sum!.data.buffer, ArrayBuffer)
    }))

  it.effect("carries int32, int64, bool and uint8", () =>
    Effect.gen(function*() {
      const runtime = yield* Runtime.Runtime
      const tensors: Record<string, HostTensor.HostTensor> = {
        int32: { dtype: "int32", dims: [2], data: Int32Array.of(-1, 2) },
        int64: { dtype: "int64", dims: [2], data: BigInt64Array.of(-(2n ** 40n), 3n) },
        bool: { dtype: "bool", dims: [2], data: Uint8Array.of(0, 1) },
        uint8: { dtype: "uint8", dims: [2], data: Buffer.from([7, 255]) }
      }
      const values = (suffix: string) =>
        Object.values(tensors).map(({ dtype }): Tiny.Value => ({ name: dtype + suffix, type: dtype, dims: [2] }))
      const session = yield* runtime.open(
        0,
        Tiny.model(
          Object.keys(tensors).map((name) => ({ op: "Identity", inputs: [name], outputs: [`${name}Out`] })),
          values(""),
          values("Out")
        )
      )
      const out = yield* session.run(tensors, values("Out").map(({ name }) => name))
      for (const [name, { data, dims, dtype }] of Object.entries(tensors)) {
        const found = out[`${name}Out`]!
        assert.deepStrictEqual([found.dtype, found.dims], [dtype, dims])
        assert.deepStrictEqual([...found.data], [...data])
      }
    }))

  it.effect("resolves symbolic sizes run by run", () =>
    Effect.gen(function*() {
      const runtime = yield* Runtime.Runtime
      const session = yield* runtime.open(0, Tiny.add("n"))
      for (const n of [1, 5, 2]) {
        const ones = over(new Float32Array(n).fill(1))
        const { sum } = yield* session.run({ a: ones, b: ones }, ["sum"])
        assert.deepStrictEqual(sum, over(new Float32Array(n).fill(2)))
      }
    }))

  it.effect("gives the same bits again, on either worker", () =>
    Effect.gen(function*() {
      const runtime = yield* Runtime.Runtime
      const bits = Effect.fn(function*(worker: number) {
        const session = yield* runtime.open(worker, Tiny.matMuls(64, 3), { bound: { w: square(64) } })
        const { y } = yield* session.run({ x: square(64) }, ["y"])
        return Buffer.from(new Float32Array(y!.data as Float32Array).buffer).toString("hex")
      })
      const [one, again, other] = yield* Effect.all([bits(0), bits(0), bits(1)], { concurrency: 3 })
      assert.isTrue(/[1-9a-f]/.test(one))
      assert.strictEqual(again, one)
      assert.strictEqual(other, one)
    }))

  it.effect("runs two workers side by side, and one worker in order", () =>
    Effect.gen(function*() {
      const runtime = yield* Runtime.Runtime
      const finished: Array<string> = []
      const note = (name: string) => Effect.sync(() => finished.push(name))
      const slow = yield* long()
      const same = yield* runtime.open(0, Tiny.add())
      const other = yield* runtime.open(1, Tiny.add())
      const short = { a: vector(1, 2, 3, 4), b: vector(1, 2, 3, 4) }
      yield* Effect.all(
        [
          Effect.tap(slow, note("0: long")),
          ...["0: first", "0: second", "0: third"].map((name) => Effect.tap(same.run(short, ["sum"]), note(name))),
          Effect.tap(other.run(short, ["sum"]), note("1: only"))
        ].map(Effect.asVoid),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(finished, ["1: only", "0: long", "0: first", "0: second", "0: third"])
    }))

  it.effect("withdraws an interrupted request that waits, and waits for one that runs", () =>
    Effect.gen(function*() {
      const runtime = yield* Runtime.Runtime
      const slow = yield* long()
      const sum = over(HostTensor.shared.float32(4))
      const session = yield* runtime.open(0, Tiny.add(), { outputs: { sum } })
      let slowDone = false
      const running = yield* Effect.forkChild(Effect.tap(
        slow,
        Effect.sync(() => {
          slowDone = true
        })
      ))
      const waiting = yield* Effect.forkChild(session.run({ a: vector(1, 1, 1, 1), b: vector(1, 1, 1, 1) }, []))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(waiting)
      assert.isFalse(slowDone)
      yield* Fiber.join(running)
      // Another round trip: the worker has passed the withdrawn request.
      yield* session.run({ a: vector(5, 5, 5, 5), b: vector(0, 0, 0, 0) }, [])
      assert.deepStrictEqual([...sum.data], [5, 5, 5, 5])

      const y = HostTensor.shared.float32(384 * 384)
      const writer = yield* long({ y: over(y, 384, 384) })
      const written = yield* Effect.forkChild(writer)
      // Time enough for an idle worker to begin; on a busy machine the request is withdrawn, and the rest holds as
      // well.
      yield* TestClock.withLive(Effect.sleep(30))
      yield* Fiber.interrupt(written)
      // Nobody writes into the caller's memory once the interruption is through.
      const after = Float32Array.from(y)
      yield* session.run({ a: vector(1, 2, 3, 4), b: vector(1, 2, 3, 4) }, [])
      assert.deepStrictEqual([...sum.data], [2, 4, 6, 8])
      assert.strictEqual(Buffer.compare(Buffer.from(after.buffer), Buffer.from(y.buffer)), 0)
    }))

  it.effect("names what is wrong", () =>
    Effect.gen(function*() {
      const runtime = yield* Runtime.Runtime
      const session = yield* runtime.open(0, Tiny.add(), { bound: { b: vector(1, 2, 3, 4) } })
      const two = vector(1, 2)
      const four = vector(1, 2, 3, 4)
      const cases: ReadonlyArray<
        readonly [Effect.Effect<unknown, Runtime.RuntimeError, Scope.Scope>, Runtime.RuntimeError["operation"], string]
      > = [
        [runtime.open(0, Uint8Array.of(1, 2, 3)), "open", "protobuf parsing failed"],
        [runtime.open(2, Tiny.add()), "open", "there is no worker 2; expected 0 to 1"],
        [runtime.open(0, Tiny.add(), { bound: { c: four } }), "open", "no input \"c\"; it has a, b"],
        [runtime.open(0, Tiny.add(), { outputs: { sum: four } }), "open", "must lie over a SharedArrayBuffer"],
        [
          runtime.open(0, Tiny.add(), { outputs: { sum: over(HostTensor.shared.float32(3)) } }),
          "open",
          "output \"sum\" is float32 [3], the model expects float32 [4]"
        ],
        [session.run({}, ["sum"]), "run", "input \"a\" is missing; a run takes a"],
        [session.run({ z: four }, ["sum"]), "run", "no input \"z\""],
        [session.run({ a: four, b: four }, ["sum"]), "run", "input \"b\" was bound"],
        [session.run({ a: four }, ["total"]), "run", "no output \"total\"; it has sum"],
        [session.run({ a: four }, []), "run", "fetches no output"],
        [session.run({ a: two }, ["sum"]), "run", "input \"a\" is float32 [2], the model expects float32 [4]"],
        [session.run({ a: over(four.data, 2, 3) }, ["sum"]), "run", "shape [2,3] needs 6 elements, the data has 4"],
        [
          session.run({ a: { dtype: "int64", dims: [4], data: four.data } }, ["sum"]),
          "run",
          "int64 data is a Float32Array"
        ],
        [
          session.run({ a: { dtype: "int32", dims: [4], data: Int32Array.of(1, 2, 3, 4) } }, ["sum"]),
          "run",
          "input \"a\" is int32 [4], the model expects float32 [4]"
        ]
      ]
      for (const [effect, operation, reason] of cases) {
        const error = yield* Effect.flip(effect)
        assert.instanceOf(error, Runtime.RuntimeError)
        assert.strictEqual(error.operation, operation)
        assert.include(error.message, reason)
      }
      const { sum } = yield* session.run({ a: four }, ["sum"])
      assert.deepStrictEqual([...sum!.data], [2, 4, 6, 8])
    }))

  it.effect("refuses runs of a session whose scope has closed", () =>
    Effect.gen(function*() {
      const runtime = yield* Runtime.Runtime
      const session = yield* Effect.scoped(runtime.open(0, Tiny.add()))
      const error = yield* Effect.flip(session.run({ a: vector(1, 2, 3, 4), b: vector(1, 2, 3, 4) }, ["sum"]))
      assert.strictEqual(error.message, "runtime run: the session is closed")
    }))

  it.effect("finds external data in given bytes and in a folder", () =>
    Effect.gen(function*() {
      const runtime = yield* Runtime.Runtime
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const folder = yield* fs.makeTempDirectoryScoped()
      const weights = Float32Array.of(1, 2, 3, 4)
      const bytes = new Uint8Array(weights.buffer)
      yield* fs.writeFile(path.join(folder, "weights.bin"), bytes)
      const model = Tiny.model(
        [{ op: "Add", inputs: ["a", "b"], outputs: ["sum"] }],
        [{ name: "a", type: "float32", dims: [4] }],
        [{ name: "sum", type: "float32", dims: [4] }],
        [{ name: "b", type: "float32", dims: [4], location: "weights.bin" }]
      )
      const shared = HostTensor.shared.uint8(16)
      shared.set(bytes)
      const options: ReadonlyArray<Runtime.SessionOptions> = [
        { externalData: [{ path: "weights.bin", data: bytes }] },
        { externalData: [{ path: "weights.bin", data: shared }] },
        { modelFolder: folder },
        { modelFolder: folder, prepack: false, optimization: "basic" }
      ]
      for (const option of options) {
        const session = yield* runtime.open(0, model, option)
        const { sum } = yield* session.run({ a: vector(1, 1, 1, 1) }, ["sum"])
        assert.deepStrictEqual([...sum!.data], [2, 3, 4, 5])
      }
      const missing = yield* Effect.flip(runtime.open(0, model, { modelFolder: path.join(folder, "elsewhere") }))
      assert.include(missing.message, "elsewhere")
    }).pipe(Effect.provide(NodeServices.layer)))
})

describe("Runtime.layer", () => {
  it.effect("closes after the run in flight and fails what waits", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(TestRuntime, scope)
      const run = yield* Effect.provide(long(), context)
      const asked = yield* Effect.replicateEffect(Effect.forkChild(run), 12)
      yield* Fiber.join(asked[0]!)
      yield* Scope.close(scope, Exit.void)
      const exits = yield* Effect.forEach(asked, Fiber.await)
      // How many had begun when the scope closed is the machine's affair; that the others never run is not.
      const done = exits.findIndex(Exit.isFailure)
      assert.isAtLeast(done, 1)
      for (const exit of exits.slice(0, done)) {
        assert.strictEqual(Exit.isSuccess(exit) && exit.value.y!.data.length, 384 * 384)
      }
      for (const fiber of asked.slice(done)) {
        const withdrawn = yield* Effect.flip(Fiber.join(fiber))
        assert.strictEqual(withdrawn.message, "runtime run: the runtime was closed before it began")
      }
      const late = yield* Effect.flip(run)
      assert.strictEqual(late.message, "runtime run: the runtime is closed")
    }), 30_000)

  it.effect("refuses impossible numbers of workers and threads", () =>
    Effect.gen(function*() {
      for (const options of [...[0, 1.5, NaN, 1e6].map((workers) => ({ workers })), { threadsPerWorker: -1 }]) {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(Runtime.layer(options))))
        assert.include(error.message, "expected a whole number from 1")
      }
    }))
})
