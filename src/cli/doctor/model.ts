/**
 * A model directory: is everything there, is it a family that is read, and does it fit.
 */
import { Effect, FileSystem, Path } from "effect"
import { availableParallelism } from "node:os"
import type { Config } from "../../kernels/models/index.ts"
import { GitLfs } from "../../kernels/weights/index.ts"
import { MemoryPlan, PolicyError, Ready } from "../../policy/index.ts"
import { modelName } from "../embedded.ts"
import { notARun } from "../modelFolder.ts"
import { type Finding, note, ok, size, wrong } from "./Finding.ts"
import { memoryHere } from "./machine.ts"

/** A step of the paper's settings on pictures of usual size, for a model of its size. */
const step = { promptTokens: 1024, visualTokens: 896, newTokens: 224, prompts: 2, group: 8 } as const

const thrifty = "--lora 16 --quantize int4 --recompute --workers 1"

/** Files that a clone holds as pointers only. */
const pointers = Effect.fnUntraced(function*(folder: string) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const names = yield* Effect.orElseSucceed(fs.readDirectory(folder), (): Array<string> => [])
  return yield* Effect.filter(names.toSorted(), (name) =>
    fs.stat(join(folder, name)).pipe(
      Effect.flatMap(({ size, type }) =>
        type === "File" && size <= BigInt(GitLfs.maxBytes)
          ? Effect.map(fs.readFile(join(folder, name)), (bytes) => GitLfs.describe(bytes) !== undefined)
          : Effect.succeed(false)
      ),
      Effect.orElseSucceed(() => false)
    ))
})

const memory = Effect.fnUntraced(function*(config: Config.Config) {
  const { free, total } = memoryHere()
  const full = yield* MemoryPlan.estimate(config, { ...step, workers: availableParallelism() })
  const least = yield* MemoryPlan.estimate(config, {
    ...step,
    workers: 1,
    lora: { rank: 16 },
    quantize: "int4",
    recompute: true
  })
  // A small model is no smaller for a rounded copy beside its adapter.
  const less = least.total < full.total ? `, with ${thrifty} ${size(least.total)}` : ""
  const text = `training takes about ${size(full.total)}${less}; ${size(free)} are free`
  if (full.total <= free) return ok("its memory", text)
  return least.total <= total
    ? note(
      "its memory",
      text,
      least.total <= free ? `train with ${thrifty}` : `close programs, and train with ${thrifty}`
    )
    : wrong("its memory", text, "take a smaller model, or a machine with more memory")
})

/** A fault as doctor says it: what was being done is no news there. */
const saidOf = (error: { readonly message: string }): string =>
  error instanceof PolicyError ? error.reason : error.message

/** What there is to say of a model directory. */
export const model = (folder: string): Effect.Effect<
  ReadonlyArray<Finding>,
  never,
  FileSystem.FileSystem | Path.Path
> =>
  Effect.gen(function*() {
    const lfs = yield* pointers(folder)
    if (lfs.length > 0) {
      const some = `${lfs.slice(0, 3).join(", ")}${lfs.length > 3 ? ` and ${lfs.length - 3} more` : ""}`
      const mend = `git -C ${folder} lfs pull`
      return [wrong("model", `${folder}: ${some}: a Git LFS pointer in the place of the file`, mend)]
    }
    yield* notARun(folder)
    const { config, specs, tokenizer } = yield* Ready.check(folder)
    const parameters = specs.reduce((sum, { shape }) => sum + shape.reduce((product, side) => product * side, 1), 0)
    const millions = parameters < 1e9
      ? `${(parameters / 1e6).toFixed(1)} million`
      : `${(parameters / 1e9).toFixed(2)} billion`
    return [
      ok("model", `${modelName(folder)}: ${config.modelType}, ${millions} parameters, ${tokenizer.size} tokens`),
      yield* memory(config)
    ]
  }).pipe(Effect.catch((error) => Effect.succeed([wrong("model", saidOf(error))])))
