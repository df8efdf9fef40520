/**
 * What a script is told when its run is over or was cut off: where things are, and the next step.
 */
import { Effect, Path } from "effect"
import { there } from "../../kernels/runtime/there.ts"
import * as Progress from "../Progress.ts"
import type { Task } from "../Task.ts"

/** A path as a shell takes it. */
const quoted = (path: string): string => /^[\w./:@+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`

const tell = (text: string) => Progress.report(Progress.Event.Ended({ text }))

/** An engine gives its adapter alone: the base model's weights are put under it. */
const isAdapter = (model: string) =>
  Effect.gen(function*() {
    const { join } = yield* Path.Path
    return (yield* there(join(model, "adapter_config.json"))) && !(yield* there(join(model, "config.json")))
  })

/** Says where the chains are, of a run under a policy that cannot be trained. */
export const chainsAlone = Effect.fnUntraced(function*(out: string) {
  const { join } = yield* Path.Path
  return yield* tell(`Nothing was trained, so there is no model: the chains are in ${join(out, "cot.jsonl")}`)
})

/** Where an engine has what was learned, and whether that is all there is: weights that stay there. */
const atEngine = (model: string) =>
  Effect.gen(function*() {
    const { join } = yield* Path.Path
    const has = (name: string) => there(join(model, name))
    const known = yield* has("engine.json")
    return { known, stays: known && !(yield* has("config.json")) && !(yield* has("adapter_config.json")) }
  })

/** Says where the model is and how it is asked. A task that cannot be written down is known to its script alone. */
export const finished = <A>(out: string, { described, name: task }: Task<A>) =>
  Effect.gen(function*() {
    const { join } = yield* Path.Path
    const model = join(out, "model")
    const name = JSON.stringify(model)
    const { known, stays } = yield* atEngine(model)
    const asked = `--engine tinker=URL --model NAME --tokenizer DIR --adapter ${quoted(model)}`
    if (stays) {
      return yield* tell(
        `The weights stay at the engine; the address of their state is in ${model}. Ask them there: ` + (
          described === undefined
            ? `in this script, (yield* Policy.Policy).restore(${name}), then Rise.evaluate and Rise.annotate`
            : `npx rise evaluate ${asked} --data PICTURES, npx rise annotate with the same`
        )
      )
    }
    const [what, flags, options] = (yield* isAdapter(model))
      ? ["An adapter", `--model BASE --adapter ${quoted(model)}`, `model: BASE, lora: { adapter: ${name} }`]
      : ["The model", `--model ${quoted(model)}`, `model: ${name}`]
    const next = described === undefined
      ? `"${task}" is a task of this script: ask the model here, by Rise.evaluate and Rise.annotate with ` +
        `Policy.onnx({ ${options} })`
      : `Measure it: npx rise evaluate ${flags} --data PICTURES. Ask it: npx rise annotate ${flags} PICTURE` +
        (known ? `. At the engine: ${asked}` : "")
    return yield* tell(`${what} is in ${model}. ${next}`)
  })

/** Says how a run that was interrupted goes on. */
export const interrupted = ({ out, seed }: { readonly out: string; readonly seed?: number }) =>
  Effect.gen(function*() {
    const begun = yield* there((yield* Path.Path).join(out, "run.json"))
    const given = `out: ${JSON.stringify(out)}, ${seed === undefined ? "" : `seed: ${seed}, `}resume: true`
    yield* tell(
      begun
        ? `Interrupted. Go on after the last finished stage: Rise.run({ ${given} })`
        : "Interrupted before the run began."
    )
  })
