/**
 * What a script is told when its run is over or was cut off: where things are, and the next step.
 */
import { Effect, FileSystem, Path } from "effect"
import * as Progress from "../Progress.ts"
import type { Task } from "../Task.ts"

/** A path as a shell takes it. */
const quoted = (path: string): string => /^[\w./:@+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`

const tell = (text: string) => Progress.report(Progress.Event.Ended({ text }))

/** Says where the model is and how it is asked. A task that cannot be written down is known to its script alone. */
export const finished = <A>(out: string, { described, name }: Task<A>) =>
  Effect.flatMap(Path.Path, ({ join }) => {
    const model = join(out, "model")
    const next = described === undefined
      ? `"${name}" is a task of this script: ask the model here, by Rise.evaluate and Rise.annotate with ` +
        `Policy.onnx({ model: ${JSON.stringify(model)} })`
      : `Measure it: npx rise evaluate --model ${quoted(model)} --data PICTURES. ` +
        `Ask it: npx rise annotate --model ${quoted(model)} picture.png`
    return tell(`The model is in ${model}. ${next}`)
  })

/** Says how a run that was interrupted goes on. */
export const interrupted = ({ out, seed }: { readonly out: string; readonly seed?: number }) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const begun = yield* Effect.orElseSucceed(fs.exists((yield* Path.Path).join(out, "run.json")), () => false)
    const given = `out: ${JSON.stringify(out)}, ${seed === undefined ? "" : `seed: ${seed}, `}resume: true`
    yield* tell(
      begun
        ? `Interrupted. Go on after the last finished stage: Rise.run({ ${given} })`
        : "Interrupted before the run began."
    )
  })
