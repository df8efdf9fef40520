/**
 * Work in the run folder that flags ask for.
 */
import { Console, Effect, FileSystem, Option } from "effect"
import { warn } from "../kernels/runtime/Warning.ts"
import { type FolderOptions, inFolder, numbered } from "../studies/index.ts"
import type { Study } from "./flags.ts"

export interface Working<A, E, R> extends Omit<FolderOptions<A, E, R>, "out" | "resume" | "seed"> {
  readonly flags: Pick<Study, "out" | "resume" | "seed">
  /** Names the folder where `--out` does not. */
  readonly name: string
}

const there = (file: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.orElseSucceed(fs.exists(file), () => false))

/** Runs `work` in its folder, and says how to go on where it is interrupted. */
export const working =
  <A, E, R>({ flags: { out: asked, resume, seed }, name, ...made }: Working<A, E, R>) =>
  <B, E2, R2>(work: (out: string) => Effect.Effect<B, E2, R2>) =>
    Effect.gen(function*() {
      const out = Option.isSome(asked) ? asked.value : yield* numbered(`runs/${name}`, resume)
      if (resume && !(yield* there(`${out}/run.json`))) {
        yield* warn(`${out} holds no run that could be resumed: a new one begins`)
      }
      const result = yield* work(out).pipe(
        inFolder({ ...made, out, seed, resume }),
        Effect.onInterrupt(() => Console.error(`\nInterrupted. Continue with: --out ${out} --resume`))
      )
      return { out, result }
    })
