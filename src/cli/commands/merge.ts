/** `rise merge`: an adapter and the model that it was trained on, as one model. */
import { Console, Effect, FileSystem, Option, Path } from "effect"
import { Command, Flag } from "effect/cli"
import * as Atomic from "../../dsl/Atomic.ts"
import * as TaskFile from "../../dsl/TaskFile.ts"
import { Merge } from "../../policy/index.ts"
import * as Overwritten from "../annotations/Overwritten.ts"
import { modelName } from "../embedded.ts"
import * as Flags from "../flags.ts"
import { anAdapter, notARun } from "../modelFolder.ts"
import { readable } from "../process.ts"
import { text } from "../values.ts"

const flags = {
  model: Flags.model.pipe(
    Flag.withDescription(
      "The Hugging Face directory that the adapter was trained on, with its weights; default: the embedded checkpoint"
    )
  ),
  adapter: text("adapter", "DIR", "a directory").pipe(
    Flag.withDescription("The PEFT adapter, such as model/ of a run at an engine; without a default")
  ),
  out: text("out", "DIR", "a folder").pipe(
    Flag.withAlias("o"),
    Flag.withDescription("The directory to write, a new one; without a default")
  )
}

type Given = Command.Command.Config.Infer<typeof flags>

const run = Effect.fnUntraced(function*({ adapter, model, out }: Given) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  yield* notARun(model)
  yield* anAdapter(adapter)
  yield* Overwritten.refuse("--out", [out], [model, adapter])
  yield* Merge.write({ model, adapter, target: out })
  // The two were trained for it; the base was not.
  const task = yield* Effect.option(fs.readFileString(join(adapter, TaskFile.name)))
  for (const text of Option.toArray(task)) yield* Atomic.writeText(join(out, TaskFile.name), text)
  if (Option.isNone(task)) {
    yield* Console.error(
      `${adapter} has no ${TaskFile.name}: ${out} does not say what it was trained for, and is to be asked with ` +
        "--labels, or --task"
    )
  }
  yield* Console.log(
    `${out}: ${
      modelName(model)
    } with ${adapter} merged in. Measure it: npx rise evaluate --model ${out} --data PICTURES`
  )
})

export const merge = Command.make("merge", flags, (given) => readable(run(given))).pipe(
  Command.withDescription("Write an adapter and the model that it was trained on as one model")
)
