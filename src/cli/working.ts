/**
 * Work in the run folder that flags ask for.
 */
import { Console, Effect, FileSystem, Option, Schema } from "effect"
import { Event, report } from "../dsl/Progress.ts"
import { fromPlatform } from "../dsl/RunError.ts"
import * as RunLock from "../dsl/RunLock.ts"
import { Nursery } from "../kernels/runtime/index.ts"
import { possible } from "../kernels/runtime/makeFolder.ts"
import * as SystemFault from "../kernels/runtime/SystemFault.ts"
import { there } from "../kernels/runtime/there.ts"
import { type FolderOptions, inFolder, numbered } from "../studies/index.ts"
import { CommandLine } from "./commandLine.ts"
import type { Study } from "./flags.ts"
import { inOwnProcess } from "./ownProcess.ts"
import { begunIn, goingOn, kept } from "./resumed.ts"

export interface Working<A, E, R> extends Omit<FolderOptions<A, E, R>, "out" | "resume" | "seed"> {
  readonly flags: Pick<Study, "out" | "resume" | "seed">
  /** Names the folder where `--out` does not. */
  readonly name: string
}

/** There is nothing to resume. */
export class NoRun extends Schema.TaggedError<NoRun>()("NoRun", {
  out: Schema.String,
  /** Whether the folder was asked for by name. */
  named: Schema.Boolean
}) {
  override get message() {
    return `there is no run in ${this.out} to resume: ${
      this.named ? "check --out, or leave --resume out to begin one there" : "name its folder with --out"
    }`
  }
}

/** Whether nothing is in a folder but what a process left that was killed while it took it. */
const isFree = Effect.fnUntraced(function*(folder: string) {
  const fs = yield* FileSystem.FileSystem
  const names = yield* Effect.orElseSucceed(fs.readDirectory(folder), (): ReadonlyArray<string> => [])
  return names.every((name) => name.startsWith(RunLock.lockFile))
})

const say = (text: string) => Console.error(text)

/** Fails where the folder that `--out` names could not be made: before any picture is read. */
export const outPossible = ({ out }: Pick<Study, "out">) =>
  Option.match(out, {
    onNone: () => Effect.void,
    onSome: (out) => Effect.mapError(possible(out), fromPlatform(out, "making the run folder"))
  })

/** Runs `work` in its folder, and says how to go on where it is interrupted. */
export const working =
  <A, E, R>({ flags: { out: asked, resume, seed }, name, ...made }: Working<A, E, R>) =>
  <B, E2, R2>(work: (out: string) => Effect.Effect<B, E2, R2>) =>
    Effect.gen(function*() {
      const words = yield* CommandLine
      yield* inOwnProcess(Nursery.shrink)
      const out = Option.isSome(asked) ? asked.value : yield* numbered(`runs/${name}`, resume)
      const begun = there(`${out}/run.json`)
      if (resume) {
        if (!(yield* begun)) return yield* new NoRun({ out, named: Option.isSome(asked) })
        // Which of several it is, nobody has said.
        if (Option.isNone(asked)) yield* say(`going on with ${out}`)
      }
      // A folder with something in it is refused.
      if (!resume && (yield* isFree(out))) yield* report(Event.Began({ text: `writing to ${out}` }))
      const before = yield* begun
      const next = goingOn(words, out)
      let opened = false
      const result = yield* Effect.suspend(() => {
        opened = true
        return work(out)
      }).pipe(
        inFolder({ ...made, out, seed, resume, about: { ...kept(words), ...yield* begunIn(out) } }),
        // What was finished is in the folder: nobody has to begin anew for a full disk. Where the folder could not be
        // opened, nothing was done, and a run that it held before is as it was.
        Effect.tapError((error) =>
          SystemFault.codeOf(error) === undefined
            ? Effect.void
            : Effect.gen(function*() {
              if (opened) yield* say(`What was done is kept. When that is mended, go on with: ${yield* next}`)
              else if ((yield* begun) && !before) yield* say(`When that is mended, go on with: ${yield* next}`)
            })
        ),
        Effect.onInterrupt(() =>
          Effect.gen(function*() {
            const how = (yield* begun) ? `. Continue with: ${yield* next}` : " before the run began."
            yield* say(`\nInterrupted${how}`)
          })
        )
      )
      return { out, result }
    })
