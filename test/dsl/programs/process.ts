/** A program as the process, that ends in the way it is asked to: see `Process.test.ts`. */
import { Console, Data, Effect } from "effect"
import { Worker } from "node:worker_threads"
import { runMain } from "../../../src/dsl/Main.ts"
import { warn } from "../../../src/kernels/runtime/Warning.ts"

const [, , mode = "", text = ""] = process.argv

class Failed extends Data.TaggedError("Failed")<{ readonly message: string }> {}

const ready = Effect.sync(() => void process.stderr.write("ready\n"))

const untilEnded = (finaliser: Effect.Effect<void>) =>
  Effect.scoped(Effect.gen(function*() {
    yield* Effect.addFinalizer(() => finaliser)
    yield* ready
    return yield* Effect.never
  }))

/** A native computation that nothing ends before its time: process.exit waits for it. */
const native = Effect.callback<void>(() => {
  new Worker("require(\"node:crypto\").pbkdf2Sync(\"a\", \"b\", 2 ** 31 - 1, 64, \"sha512\")", { eval: true })
})

const programs: Readonly<Record<string, Effect.Effect<void, Failed>>> = {
  tidy: untilEnded(Effect.sync(() => void process.stderr.write("tidied\n"))),
  hang: untilEnded(Effect.never),
  native: Effect.andThen(Effect.forkDetach(native), untilEnded(Effect.never)),
  print: Effect.forever(Effect.andThen(Console.log("x".repeat(1000)), Effect.yieldNow)),
  say: Effect.all([Console.log(text), Console.error(text), Console.warn("%s", text), warn(text)], { discard: true }),
  fail: Effect.fail(new Failed({ message: text })),
  die: Effect.die(new Error(text))
}

runMain(programs[mode] ?? Effect.fail(new Failed({ message: `no program ${mode}` })))
