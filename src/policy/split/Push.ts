/**
 * Takes a trainer's weights to the sampler: written as an adapter, loaded by every server, the one before let go; the
 * last one at the end.
 */
import { Context, Effect, FileSystem, Option, Path } from "effect"
import * as OnnxPolicy from "../onnx/OnnxPolicy.ts"
import * as OpenAiPolicy from "../openai/OpenAiPolicy.ts"
import { Policy, PolicyError } from "../Policy.ts"
import * as TinkerPolicy from "../tinker/TinkerPolicy.ts"
import type { Pushing } from "./Settings.ts"

const refuse = (reason: string) => Effect.fail(new PolicyError({ operation: "load", reason }))

/** How a trainer writes its adapter, if it has one. */
const writerOf = (trainer: Context.Context<Policy>) =>
  Option.orElse(
    Option.map(Context.getOption(trainer, OnnxPolicy.Adapters), ({ save }) => save),
    () => Option.map(Context.getOption(trainer, TinkerPolicy.Adapters), ({ save }) => save)
  )

/**
 * A way from trainer to sampler.
 *
 * @returns takes the weights as they are there
 */
export const make = Effect.fnUntraced(function*(
  { directory, served = directory }: Pushing,
  { sampler, trainer }: { readonly sampler: Context.Context<Policy>; readonly trainer: Context.Context<Policy> }
) {
  const fs = yield* FileSystem.FileSystem
  const { join, resolve } = yield* Path.Path
  const write = Option.getOrUndefined(writerOf(trainer))
  const adapters = Option.getOrUndefined(Context.getOption(sampler, OpenAiPolicy.Adapters))
  if (write === undefined) {
    return yield* refuse(
      "the trainer writes no adapters: use Policy.onnx({ …, lora }) or Policy.tinker, or leave adapters out"
    )
  }
  if (adapters === undefined) {
    return yield* refuse("the sampler takes no adapters: use Policy.openai of a vLLM, or leave adapters out")
  }
  // Servers keep what they have loaded under a name: one of another run must not answer.
  const run = crypto.randomUUID().slice(0, 8)
  const folderOf = (name: string) => join(resolve(directory), name)
  const removed = (name: string) => Effect.ignore(fs.remove(folderOf(name), { recursive: true, force: true }))
  let count = 0
  let last: string | undefined
  yield* Effect.addFinalizer(() =>
    last === undefined
      ? Effect.void
      // A server that is away is not waited for.
      : Effect.andThen(Effect.timeoutOption(Effect.ignore(adapters.unload(last)), "5 seconds"), removed(last))
  )
  return Effect.fn("Policy.push")(function*() {
    // One that failed on the way must not be in the way of the next.
    const name = `rise-${run}-${++count}`
    yield* Effect.onError(
      Effect.andThen(
        write(folderOf(name)),
        adapters.load({ name, path: join(served === directory ? resolve(served) : served, name) })
      ),
      () => removed(name)
    )
    const before = last
    last = name
    if (before === undefined) return
    yield* adapters.unload(before)
    yield* removed(before)
  })
})
