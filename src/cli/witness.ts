/**
 * Who judges whether a model's reasonings are about their pictures: the base that it was trained from.
 */
import { Console, Effect, FileSystem, Option } from "effect"
import type { Form } from "../dsl/Task.ts"
import { directoryOf } from "../policy/Embedded.ts"
import { type Engine, trains } from "./engine/flags.ts"
import type { Remote } from "./flags.ts"
import { FlagError } from "./futile.ts"
import { readable } from "./modelFolder.ts"
import * as Saved from "./saved.ts"
import type { Told } from "./told.ts"

interface Asked extends Pick<Remote, "remote" | "remoteModel">, Engine {
  readonly model: string
  readonly adapter: Option.Option<string>
  readonly base: Option.Option<string>
  readonly told: Option.Option<Told>
}

/** Whether two names are of one directory; one that is not there is nobody's. */
const isSame = Effect.fnUntraced(function*(a: string, b: string) {
  const fs = yield* FileSystem.FileSystem
  const real = (model: string) => Effect.option(fs.realPath(directoryOf(model)))
  const [one, other] = [yield* real(a), yield* real(b)]
  return Option.isSome(one) && Option.isSome(other) && one.value === other.value
})

/**
 * The directory of the base: the flag's, else the model under its adapter. None for bare answers, which have no
 * reasoning, and where nobody knows, which is said: a model is no judge of itself, for what it writes of a picture is
 * what it finds likely there, true or not.
 */
export const baseOf = Effect.fnUntraced(function*(asked: Asked, form: Form) {
  const { adapter, base, model } = asked
  if (form === "answer") {
    return Option.isNone(base)
      ? base
      : yield* new FlagError({ reason: "--base judges reasonings, and a bare answer has none: leave it out" })
  }
  if (Option.isSome(base)) {
    const isHere = Option.isNone(adapter) && Option.isNone(asked.remote) && !trains(asked)
    if (isHere && (yield* isSame(base.value, model))) {
      return yield* new FlagError({
        reason:
          `--base ${base.value} is the model that is asked, and no model is a judge of itself: name the one that ` +
          "it was trained from, or leave --base out"
      })
    }
    yield* readable(base.value, Option.none(), "--base")
    return base
  }
  // An engine's base is not here.
  if (Option.isSome(adapter) && !trains(asked)) return Option.some(model)
  yield* Console.error(
    `whether reasonings are about their pictures (grounded) is left out: --base DIR names who judges that, the model ` +
      `that ${Saved.modelOf(asked)} was trained from`
  )
  return Option.none<string>()
})
