import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { BroadcastChannel } from "node:worker_threads"
import { HostTensor } from "../../../src/kernels/runtime/index.ts"
import * as WorkerThread from "../../../src/kernels/runtime/WorkerThread.ts"
import * as Tiny from "./tinyModel.ts"

const job = {
  _tag: "Optimize",
  job: { _tag: "Accumulate", buffers: [HostTensor.shared.float32(1)], begin: 0, end: 1 }
} as const

describe("WorkerThread", () => {
  it.effect("fails every pending and later request when the thread crashes", () =>
    Effect.gen(function*() {
      const thread = yield* WorkerThread.make({
        threads: 1,
        device: "cpu",
        entry: new URL("./crashing.ts", import.meta.url)
      })
      const fork = Effect.forkChild(thread.submit(job))
      const pending = [yield* fork, yield* fork]
      for (const fiber of pending) {
        const error = yield* Effect.flip(Fiber.join(fiber))
        assert.strictEqual(error._tag, "RuntimeError")
        assert.strictEqual(error.message, "runtime optimize: the worker thread ended with code 1: out of luck")
      }
      assert.isFalse(thread.alive())
      const later = yield* Effect.flip(thread.submit(job))
      assert.include(later.message, "out of luck")
    }))

  it.effect("is left with no copy of what a run wrote into shared memory", () =>
    Effect.gen(function*() {
      const entry = new URL("./telling.ts", import.meta.url)
      const thread = yield* WorkerThread.make({ threads: 1, device: "cpu", entry })
      const n = 2 ** 20
      const vector = (value: number): HostTensor.HostTensor => (
        { dtype: "float32", dims: [n], data: HostTensor.shared.float32(n).fill(value) }
      )
      const [a, b, sum] = [vector(2), vector(0), vector(0)]
      yield* thread.submit({ _tag: "Open", session: 0, model: Tiny.add(n), options: { outputs: { sum } } })
      const channel = yield* Effect.acquireRelease(
        Effect.sync(() => new BroadcastChannel("array-buffers")),
        (channel) => Effect.sync(() => channel.close())
      )
      const held = Effect.callback<number>((resume) => {
        channel.onmessage = ({ data }: { readonly data: number }) => resume(Effect.succeed(data))
        channel.postMessage("held?")
      })
      // The first answer makes objects enough for a collection.
      yield* held
      for (let i = 0; i < 6; i++) {
        yield* thread.submit({ _tag: "Run", session: 0, feeds: { a, b }, fetches: [] })
      }
      assert.isTrue(sum.data.every((value: number | bigint) => value === 2))
      // Six copies are 24 MiB.
      assert.isBelow(yield* held, 4 * n)
    }))

  it.effect("says why a thread could not start", () =>
    Effect.gen(function*() {
      const entry = new URL("./absent.ts", import.meta.url)
      const error = yield* Effect.flip(Effect.scoped(WorkerThread.make({ threads: 1, device: "cpu", entry })))
      assert.strictEqual(error.operation, "open")
      assert.include(error.message, "absent.ts")
    }))

  it.effect("lets SIGINT end a program inside a run without aborting", () =>
    Effect.gen(function*() {
      const program = fileURLToPath(new URL("./interruptible.ts", import.meta.url))
      const ended = yield* Effect.callback<
        { code: number | null; signal: string | null; stdout: string; stderr: string }
      >(
        (resume) => {
          const child = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "pipe"] })
          let stdout = ""
          let stderr = ""
          let sent = false
          child.stdout.on("data", (chunk) => {
            stdout += chunk
            if (!sent) sent = child.kill("SIGINT")
          })
          child.stderr.on("data", (chunk) => stderr += chunk)
          child.on("close", (code, signal) => resume(Effect.succeed({ code, signal, stdout, stderr })))
          return Effect.sync(() => child.kill("SIGKILL"))
        }
      )
      assert.deepInclude(ended, { code: 130, signal: null, stderr: "" })
      const lines = ended.stdout.trim().split("\n")
      assert.strictEqual(lines.at(-1), "finalized")
      // One run was in flight; the 90 and more behind it were withdrawn.
      assert.isAtMost(lines.length, 3)
    }), 30_000)
})
