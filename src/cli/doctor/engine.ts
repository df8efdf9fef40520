/**
 * An engine: is it there, does it serve the model, and what does training there come to. Tried on models of its own,
 * which are given back.
 */
import { Context, Effect, type FileSystem, Layer, Option, type Path, Redacted, Result } from "effect"
import { environmentKey } from "../../policy/environmentKey.ts"
import { unreachable } from "../../policy/http/unreachable.ts"
import { TinkerPolicy } from "../../policy/index.ts"
import * as Policies from "../../policy/layers.ts"
import * as Probe from "../../policy/tinker/Probe.ts"
import * as Prompts from "../../policy/tinker/Prompts.ts"
import { TinkerError } from "../../policy/tinker/TinkerError.ts"
import { isEmbedded } from "../embedded.ts"
import * as At from "../engine/policy.ts"
import { type Finding, note, ok, wrong } from "./Finding.ts"
import * as Optimiser from "./optimiser.ts"

const firstOf = (names: ReadonlyArray<string>): string =>
  `${names.slice(0, 4).join(", ")}${names.length > 4 ? ` and ${names.length - 4} more` : ""}`

const options = ({ baseUrl, model, rank, tokenizer }: At.At): Policies.TinkerOptions => (
  { baseUrl, model, tokenizer, rank, attempts: 3, patience: "10 minutes" }
)

/** What the connection's probes tell. Where pictures are dropped the losses are tried all the same. */
const connected = Effect.fnUntraced(function*(at: At.At) {
  const open = (more: Partial<Policies.TinkerOptions>) =>
    Effect.result(
      Effect.scoped(
        Effect.map(
          Layer.build(Policies.tinker({ ...options(at), ...more })),
          (context) => Context.get(context, TinkerPolicy.Connection)
        )
      )
    )
  const whole = yield* open({})
  if (Result.isSuccess(whole)) {
    return {
      pictures: [ok("pictures", "one reaches the model: log-probabilities count its tokens")],
      found: whole.success
    }
  }
  const { reason } = whole.failure
  if (!Probe.isBlind(whole.failure)) return { pictures: [wrong("training", reason)], found: undefined }
  const blind = yield* open({ images: "none" })
  return { pictures: [wrong("pictures", reason)], found: Result.isSuccess(blind) ? blind.success : undefined }
})

const losses = (
  { losses: found, normaliser, request: { bytes, data } }: TinkerPolicy.Capabilities
): ReadonlyArray<Finding> => [
  normaliser === undefined
    ? note(
      "losses",
      "forward only and importance_sampling are there; no gradient norm is told, so that what a loss is divided by " +
        "cannot be measured: a sum is taken for granted",
      "see that the first steps of SFT lower the loss; clip nothing by norms of elsewhere"
    )
    : ok("losses", `forward only and importance_sampling are there; its gradient is the ${normaliser}, made good here`),
  found.length > 0
    ? ok("passes", `${found.join(" and ")} ${found.length > 1 ? "are" : "is"} ours: such updates take one pass`)
    : note(
      "passes",
      "no loss of its own was measured to be ours: every update takes a forward pass more and learns the same"
    ),
  ok("requests", `up to ${data.toLocaleString("en-GB")} sequences and ${(bytes / 1e6).toFixed(1)} MB of an update each`)
]

/** Whether there is room for what a KL penalty holds on to. */
const room = (at: At.At) =>
  Effect.gen(function*() {
    const policy = yield* Policies.Policy
    yield* policy.beginStage
    yield* policy.endStage
    return ok("reference", "there is room for a second model, which kl holds on to")
  }).pipe(
    Effect.provide(Policies.tinker({ ...options(at), images: "none", probe: false, reference: "stage" })),
    Effect.catch(({ message }) =>
      Effect.succeed(note(
        "reference",
        message.replace(/^policy \w+: /, ""),
        "train without: --config FILE with { \"reinforce\": { \"kl\": 0 }, \"rft\": { \"kl\": 0 } }"
      ))
    )
  )

/** What is tried where model and tokenizer are named. */
const tried = Effect.fnUntraced(function*(at: At.At) {
  const directory = yield* Effect.result(Prompts.make(at.tokenizer, {}))
  if (Result.isFailure(directory)) return [wrong("tokenizer", directory.failure.reason)]
  if (!directory.success.readsPictures) {
    return [
      wrong(
        "tokenizer",
        `${at.tokenizer} is the directory of a model that reads no pictures`,
        "name that of a vision-language model: config.json with image_token_id, preprocessor_config.json"
      )
    ]
  }
  const { found, pictures } = yield* connected(at)
  const tokenizer = ok("tokenizer", `${at.tokenizer}: reads texts and pictures`)
  if (found === undefined) return [tokenizer, ...pictures]
  return [tokenizer, ...pictures, ...losses(found), yield* room(at), yield* Optimiser.heeded(options(at))]
})

/** What there is to say of an engine. */
export const engine = (
  flags: At.Flags
): Effect.Effect<ReadonlyArray<Finding>, never, FileSystem.FileSystem | Path.Path> =>
  Option.match(At.at(flags), {
    onNone: () => Effect.succeed([]),
    onSome: (at) =>
      Effect.gen(function*() {
        const named = !isEmbedded(flags)
        const apiKey = yield* environmentKey("TINKER_API_KEY")
        const key = ok(
          "key",
          apiKey === undefined || Redacted.value(apiKey) === ""
            ? "none is sent (TINKER_API_KEY is not set): engines of one's own need none"
            : "TINKER_API_KEY is sent"
        )
        const wrongAddress = At.wrongOptions(at, apiKey)
        if (wrongAddress !== undefined) return [wrong("engine", wrongAddress)]
        const said = yield* At.ask(at)
        const there = ok(
          "engine",
          `${said.shown} answers; it ${
            said.models.length === 0 ? "does not say which models it serves" : `serves ${firstOf(said.models)}`
          }`
        )
        if (named && said.models.length > 0 && !said.models.includes(at.model)) {
          return [
            there,
            key,
            wrong(
              "model",
              `"${at.model}" is not served; it serves ${firstOf(said.models)}`,
              `--model ${said.models[0]}`
            )
          ]
        }
        if (!named || at.tokenizer === "") {
          return [
            there,
            key,
            note(
              "training",
              "pictures, losses and optimiser are tried with a model and its directory",
              "name them: --model NAME --tokenizer DIR"
            )
          ]
        }
        return [there, key, ...(yield* tried(at))]
      }).pipe(Effect.catch((error) => {
        const known = error instanceof TinkerError && error.advice !== unreachable ? error.advice : undefined
        return Effect.succeed([
          wrong(
            "engine",
            error instanceof TinkerError ? error.said : error.message,
            known ?? `${unreachable} --engine tinker=http://HOST:PORT`
          )
        ])
      }))
  })
