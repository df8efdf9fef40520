/**
 * What a server says its model was trained for. `rise serve` describes it beside the model's name, as a model's
 * directory does in `rise-task.json`; other servers say nothing.
 */
import { NodeHttpClient } from "@effect/platform-node"
import { Effect, Option, Result, Schema } from "effect"
import * as Quoted from "../data/Quoted.ts"
import { warn } from "../kernels/runtime/Warning.ts"
import { environmentKey } from "../policy/environmentKey.ts"
import { shownAddress, withoutSlash } from "../policy/http/Address.ts"
import type { PolicyError } from "../policy/index.ts"
import * as Reach from "../policy/openai/Reach.ts"
import * as Saved from "../tasks/Saved.ts"
import type { Remote } from "./flags.ts"

/** What is told. */
export interface Told {
  readonly saved: Saved.SavedTask
  /** Weights of the model, where that is told. */
  readonly parameters: Option.Option<number>
}

/** It cannot be found out what is to be asked. */
export class ToldError extends Schema.TaggedError<ToldError>()("ToldError", {
  /** As it is shown. */
  address: Schema.String,
  reason: Schema.String,
  /** Nobody answers; what is said cannot be used; several do not say the same. */
  kind: Schema.Literals(["away", "unusable", "differing"]),
  /** What to do next. */
  next: Schema.String
}) {
  override get message() {
    return `${this.address}: ${this.reason}; ${this.next}`
  }
}

/** The server has no such model. */
export class NotServed extends Schema.TaggedError<NotServed>()("NotServed", {
  /** As it is shown. */
  address: Schema.String,
  model: Schema.String,
  /** What the server said. */
  reason: Schema.String,
  /** Models that it lists. */
  names: Schema.Array(Schema.String)
}) {
  override get message() {
    const next = this.names.length === 0
      ? "name the model as the server calls it, --remote-model; is the address right, with its /v1?"
      : `it lists ${Quoted.names(this.names)}: name one of these, --remote-model`
    return `${this.address} cannot be asked for ${Quoted.quoted(this.model)}: ${this.reason}; ${next}`
  }
}

const Description = Schema.Struct({ description: Schema.Json })
const described = Schema.decodeUnknownOption(Description)
const counted = Schema.decodeUnknownOption(Schema.Int.check(Schema.isGreaterThan(0)))

/** Statuses of a server that has no list of models, or another page there: it says nothing, which is no fault. */
const hasNoList = (status: number | undefined) =>
  status !== undefined && status < 500 && status !== 401 && status !== 403 || status === 501

const nextOf = (status: number | undefined) =>
  status === 401 || status === 403
    ? "set OPENAI_API_KEY of the environment to a key of this server"
    : "is it running, and is the address right, with its /v1?"

/** What one server says of a model; none where it says nothing. */
const one = Effect.fnUntraced(function*(address: string, model: string) {
  const shown = shownAddress(address)
  const key = yield* environmentKey("OPENAI_API_KEY")
  const served = Effect.fnUntraced(function*(names: ReadonlyArray<string>) {
    const refused = yield* Reach.refusal(address, model, key)
    return Option.isNone(refused)
      ? Option.none()
      : yield* new NotServed({ address: shown, model, reason: refused.value.replaceAll(/\p{Cc}/gu, "·"), names })
  })
  const listed = yield* Effect.result(Reach.listed(address, key))
  if (Result.isFailure(listed)) {
    const { reason, status } = listed.failure
    if (hasNoList(status)) return yield* served([])
    return yield* new ToldError({ address: shown, kind: "away", reason, next: nextOf(status) })
  }
  const entry = listed.success.find(({ id }) => id === model)
  if (entry === undefined) return yield* served(listed.success.map(({ id }) => id))
  const told = described(entry.task)
  if (Option.isNone(told)) return Option.none()
  const { description } = told.value
  const saved = Saved.read(description)
  if (Result.isFailure(saved)) {
    return yield* new ToldError({
      address: shown,
      kind: "unusable",
      // Words from elsewhere are quoted on terminals.
      reason: `what it says "${model}" was trained for cannot be used: ${saved.failure.replaceAll(/\p{Cc}/gu, "·")}`,
      next: "say it yourself (--labels, or --task), or serve it with this release"
    })
  }
  const found: Told = { saved: saved.success, parameters: counted(entry.parameters) }
  return Option.some({ found, text: JSON.stringify(description), shown })
})

/** Several servers are one model: what they say has to agree. */
const agreed = Effect.fnUntraced(function*(addresses: ReadonlyArray<string>, model: string) {
  const asked = yield* Effect.forEach(addresses, (address) => Effect.result(one(address, model)), {
    concurrency: "unbounded"
  })
  const answers = asked.filter(Result.isSuccess).map(({ success }) => success)
  const failures = asked.filter(Result.isFailure).map(({ failure }) => failure)
  // Of several, one may be away; a description that cannot be used is no absence, a model that is not served neither.
  const certain = failures.find((failure) =>
    failure._tag === "NotServed" || (failure._tag === "ToldError" && failure.kind === "unusable")
  )
  const failed = certain ?? (answers.length === 0 ? failures[0] : undefined)
  if (failed !== undefined) return yield* failed
  const [first = Option.none()] = answers
  const text = (answer: typeof first) => Option.map(answer, ({ text }) => text)
  if (answers.some((answer) => Option.getOrNull(text(answer)) !== Option.getOrNull(text(first)))) {
    return yield* new ToldError({
      address: addresses.map(shownAddress).join(", "),
      kind: "differing",
      reason: `they do not say the same of what "${model}" was trained for`,
      next: "name servers of one model"
    })
  }
  return Option.map(first, ({ found }) => found)
})

/** The flags that say what is asked. */
interface Says {
  readonly [flag: string]: unknown
  readonly labels: Option.Option<unknown>
  readonly task: Option.Option<unknown>
}

/**
 * The flags with what the server that they name says of its model. Where flags say what is asked, a server that does
 * not answer this is none of their concern, and a description that cannot be used is only told.
 */
export const told = <F extends Says & Remote>(
  flags: F
): Effect.Effect<F & { readonly told: Option.Option<Told> }, PolicyError | ToldError | NotServed> => {
  const { labels, remote, remoteModel, task } = flags
  if (Option.isNone(remote)) return Effect.succeed({ ...flags, told: Option.none<Told>() })
  const addresses = remote.value.split(",").map((address) => withoutSlash(address.trim()))
  const found = agreed(addresses, remoteModel).pipe(Effect.provide(NodeHttpClient.layerUndici))
  const says = Option.isSome(labels) || Option.isSome(task)
  return (says
    ? Effect.catchIf(
      found,
      ({ _tag }) => _tag !== "NotServed",
      (error) => Effect.as(warn(error.message), Option.none<Told>())
    )
    : found).pipe(Effect.map((told) => ({ ...flags, told })))
}
