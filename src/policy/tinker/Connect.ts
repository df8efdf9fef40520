/** From an address to an engine that is known: what it serves, what it was found to do, and models to be trained. */
import { Duration, Effect, MutableRef, Option } from "effect"
import { warn } from "../../kernels/runtime/Warning.ts"
import { withoutSlash } from "../http/Address.ts"
import * as Endpoint from "../http/Endpoint.ts"
import * as Requests from "../Requests.ts"
import * as Announced from "./Announced.ts"
import * as Engine from "./Engine.ts"
import * as Futures from "./Futures.ts"
import * as Normaliser from "./Normaliser.ts"
import { type Capabilities, checkOptions, type Options } from "./Options.ts"
import * as Probe from "./Probe.ts"
import * as Prompts from "./Prompts.ts"
import { refuse } from "./refuse.ts"
import * as Settings from "./Settings.ts"
import * as Transport from "./Transport.ts"

/** What was found out of an engine, kept for whoever connects by the same options again. */
export type Known = MutableRef.MutableRef<Option.Option<Probe.Found>>

/** Nothing yet. */
export const unknown = (): Known => MutableRef.make(Option.none())

/** Fails with what to change, before anything is trained. What is `known` is not measured again. */
export const to = Effect.fnUntraced(function*(options: Options, known: Known) {
  const wrong = checkOptions(options)
  if (wrong !== undefined) return yield* refuse("load", wrong)
  yield* Requests.checkAll("load", Settings.options, options, Settings.futile)
  const { model, seed } = options
  const rank = options.rank ?? Settings.defaults.rank
  const apiKey = Endpoint.secretOf(options.apiKey)
  const baseUrl = withoutSlash(options.baseUrl).replace(/\/api\/v1$/, "")
  const name = `${model} at ${baseUrl}`
  const prompts = yield* Prompts.make(options.tokenizer, options.images ?? {})
  const patience = Duration.fromInputUnsafe(options.patience ?? Settings.defaults.patience)
  const transport = yield* Transport.make({ ...options, baseUrl, apiKey, patience })
  const futures = Futures.make({ transport, patience })
  const request = yield* Announced.limits(futures)
  const models = yield* Announced.models(transport)
  if (models.length > 0 && !models.includes(model)) {
    return yield* refuse("load", `${baseUrl} does not serve "${model}"; it serves ${models.join(", ")}`)
  }
  const modelOf = (states: string, leftovers: boolean) =>
    Engine.make({
      futures,
      leftovers,
      baseModel: model,
      rank,
      seed,
      heartbeat: Duration.fromInputUnsafe(options.heartbeat ?? Settings.defaults.heartbeat),
      request,
      kept: options.kept ?? Settings.defaults.kept,
      name: states
    })
  const measured = Effect.gen(function*() {
    // On a model of its own, which is given back before the policy's is made: an engine may hold one alone.
    const found = yield* Effect.scoped(
      Effect.flatMap(modelOf("probe", false), (engine) => Probe.probe(engine, prompts, name))
    )
    if (found.normaliser === undefined) {
      yield* warn(
        `${name} tells no gradient norm: what it divides losses by could not be measured; a sum is taken for granted`
      )
    }
    MutableRef.set(known, Option.some(found))
    return found
  })
  const found: Probe.Found = options.probe === false
    ? Probe.unasked
    : yield* Option.match(MutableRef.get(known), { onNone: () => measured, onSome: Effect.succeed })
  const capabilities: Capabilities = {
    models,
    normaliser: found.normaliser === undefined ? undefined : Normaliser.say(found.normaliser),
    pictures: found.pictures,
    losses: found.exact,
    request
  }
  return {
    /** Names it in errors. */
    name,
    baseUrl,
    apiKey,
    rank,
    prompts,
    capabilities,
    normaliser: found.normaliser ?? Normaliser.sum,
    exact: found.exact,
    /** A model there; its states are saved under the given name. */
    modelOf: (states: string) => modelOf(states, found.leftovers),
    /** One that is only asked for log-probabilities: gradients do not matter to it. */
    referenceOf: (states: string) => modelOf(states, false)
  }
})
