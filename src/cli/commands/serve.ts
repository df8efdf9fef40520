/** `rise serve`: a trained annotator behind HTTP. */
import { Clock, Config, Console, Duration, Effect, Option, Redacted } from "effect"
import { Command, Flag } from "effect/cli"
import { basename, dirname, resolve } from "node:path"
import { lengths } from "../../dsl/stages/Settings.ts"
import { Nursery } from "../../kernels/runtime/index.ts"
import { counted } from "../../pipelines/facts.ts"
import * as Gathered from "../../policy/Gathered.ts"
import { PolicyError } from "../../policy/index.ts"
import { Policy } from "../../policy/Policy.ts"
import * as Kind from "../annotations/Kind.ts"
import { isEmbedded } from "../embedded.ts"
import * as Flags from "../flags.ts"
import { FlagError } from "../futile.ts"
import { computing } from "../main.ts"
import { inOwnProcess } from "../ownProcess.ts"
import { check, policy } from "../policy.ts"
import * as Access from "../serve/Access.ts"
import * as Body from "../serve/Body.ts"
import * as Masks from "../serve/Masks.ts"
import * as Places from "../serve/Places.ts"
import type { Served } from "../serve/Served.ts"
import * as Server from "../serve/Server.ts"
import { text, time, whole } from "../values.ts"
import { form, formOf } from "./form.ts"

const MIB = 2 ** 20
/** Name of the environment's variable. */
const TOKEN = "RISE_SERVE_TOKEN"

const seconds = (name: string, otherwise: number, description: string) =>
  time(name).pipe(
    Flag.withDescription(`${description}; default: ${otherwise}s`),
    Flag.withDefault({ text: `${otherwise}s`, seconds: otherwise })
  )

const { question: _, ...asking } = Kind.flags

const flags = {
  model: Flags.model,
  adapter: Flags.adapter,
  ...asking,
  form,
  ...Flags.frozen,
  device: Flags.device,
  workers: Flags.workers,
  seed: Flags.seed,
  host: text("host", "ADDRESS", "an address of this machine, or a name of it").pipe(
    Flag.withDescription(
      `Where to listen; on any but a loopback address a token is asked for: ${TOKEN}, or one that is made and ` +
        "printed; default: 127.0.0.1"
    ),
    Flag.withDefault("127.0.0.1")
  ),
  port: whole("port", { least: 0, most: 65_535 }).pipe(
    Flag.withDescription("0: any that is free; default: 8080"),
    Flag.withDefault(8080)
  ),
  name: text("name", "NAME", "a name").pipe(
    Flag.withDescription("What requests call the model; default: the name of its folder, of RUN/model that of RUN"),
    Flag.optional
  ),
  maxTokens: whole("max-tokens", { least: 1, most: 2 ** 20 }).pipe(
    Flag.withDescription(`Longest answer, in tokens, where a request says none; default: ${lengths.thinkAnswer}`),
    Flag.withDefault(lengths.thinkAnswer)
  ),
  stream: Flag.Literals("stream", ["auto", "tokens", "whole"]).pipe(
    Flag.withDescription(
      "tokens: a streamed answer is told while it is drawn; whole: when it is complete, which costs a small model " +
        "less; default: auto, by the model's size, tokens from 20 million weights on"
    ),
    Flag.withDefault("auto" as const)
  ),
  batch: whole("batch", { least: 1, most: 1024 }).pipe(
    Flag.withDescription("Most answers that are computed together; default: 16"),
    Flag.withDefault(16)
  ),
  queue: whole("queue", { least: 1, most: 2 ** 16 }).pipe(
    Flag.withDescription("Answers that may wait or be computed; who comes then is told when to come back; default: 64"),
    Flag.withDefault(64)
  ),
  maxBody: whole("max-body", { least: 1, most: 1024, metavar: "MIB" }).pipe(
    Flag.withDescription("Largest body of a request, in MiB; default: 20"),
    Flag.withDefault(20)
  ),
  timeout: seconds("timeout", 120, "Longest time from a request to its answer"),
  bodyTimeout: seconds("body-timeout", 30, "Longest time that a request's body may take to come"),
  drain: seconds("drain", 30, "How long answers under way are waited for when the server is stopped")
}

type Given = Command.Command.Config.Infer<typeof flags>

const nameOf = ({ model, name }: Given): string => {
  const path = resolve(model)
  const own = basename(path)
  return Option.getOrElse(name, () => own === "model" && !isEmbedded({ model }) ? basename(dirname(path)) : own)
}

/** The token that requests have to bring: the environment's, or, beyond loopback, one that is made. */
const tokenOf = Effect.fnUntraced(function*({ host }: Given) {
  const given = yield* Config.option(Config.Redacted(TOKEN)).pipe(
    Effect.mapError((cause) => new FlagError({ reason: `${TOKEN} cannot be read: ${cause.message}` }))
  )
  const token = Option.filter(given, (token) => Redacted.value(token) !== "")
  if (Option.isNone(token)) return { token: Access.isLoopback(host) ? undefined : Access.makeToken(), made: true }
  const wrong = Access.wrongToken(Redacted.value(token.value))
  if (wrong !== undefined) return yield* new FlagError({ reason: `${TOKEN} is no token: ${wrong}` })
  return { token: token.value, made: false }
})

/**
 * Weights from which on drawing one token a run costs next to nothing more. The embedded checkpoint, of 2 million,
 * takes three times the processor time so, for an answer of a few milliseconds.
 */
const TOKENWISE = 20e6

/** Bodies that are held at a time, as a multiple of the largest. */
const BODIES = 8

const run = Effect.fnUntraced(function*(flagged: Given) {
  const given = { ...flagged, form: yield* formOf({ ...flagged, remote: Option.none() }), remote: Option.none() }
  if (given.batch > given.queue) {
    return yield* new FlagError({
      reason:
        `--batch is ${given.batch}, expected at most --queue (${given.queue}): no more than have a place are computed`
    })
  }
  const { made, token } = yield* tokenOf(flagged)
  yield* check({ ...given, remote: Option.none() })
  yield* inOwnProcess(Nursery.keep)
  const kind = yield* Kind.chosen(given)
  return yield* Effect.gen(function*() {
    const { line, policy: gathered } = yield* Gathered.make(given.batch)
    return yield* Effect.gen(function*() {
      const { session: opening, tokenizer: spelled } = yield* Policy
      const session = yield* opening
      const tokenizer = yield* Effect.mapError(
        Effect.fromOption(spelled),
        () => new PolicyError({ operation: "load", reason: "the model shows no tokens" })
      )
      const limits = { batch: given.batch, queue: given.queue, time: Duration.seconds(given.timeout.seconds) }
      const parameters = yield* counted(given.model)
      const served: Served = {
        name: nameOf(flagged),
        created: Math.floor((yield* Clock.currentTimeMillis) / 1000),
        parameters,
        tokenwise: given.stream === "tokens" || given.stream === "auto" && parameters >= TOKENWISE,
        kind,
        form: given.form,
        maxTokens: given.maxTokens,
        mostChoices: given.batch,
        session,
        tokenizer,
        masks: yield* Masks.make(kind, tokenizer),
        annotate: yield* kind.annotator({ form: given.form, maxTokens: given.maxTokens }),
        line,
        access: Access.make({ host: given.host, token }),
        bodies: Body.make({
          bytes: given.maxBody * MIB,
          held: BODIES * given.maxBody * MIB,
          time: Duration.seconds(given.bodyTimeout.seconds)
        }),
        places: Places.make(limits, line)
      }
      const address = yield* Server.serve(served, {
        host: given.host,
        port: given.port,
        bodyTime: Duration.seconds(given.bodyTimeout.seconds),
        drain: Duration.seconds(given.drain.seconds)
      })
      yield* Console.error(
        `${served.name} is served at ${address}: the page /${
          token !== undefined && made ? `#${Redacted.value(token)}` : ""
        }, OpenAI's protocol under /v1, annotations at /annotate`
      )
      if (token !== undefined) {
        yield* Console.error(
          made ? `token, for this start alone: ${Redacted.value(token)}` : `the token is ${TOKEN} of the environment`
        )
      }
      return yield* Effect.never
    }).pipe(Effect.provideService(Policy, gathered))
  }).pipe(Effect.scoped, Effect.provide(policy({ ...given, remote: Option.none() })))
})

export const serve = Command.make("serve", flags, (given) => computing(given)(run(given))).pipe(
  Command.withDescription("Serve a model over HTTP"),
  Command.withExamples([
    { command: "rise serve", description: "The embedded checkpoint at http://127.0.0.1:8080" },
    { command: "rise serve -m runs/mine/model --port 9000 --name mine", description: "A trained model" },
    {
      command: `${TOKEN}=$(openssl rand -hex 16) rise serve -m runs/mine/model --host 0.0.0.0`,
      description: "For other machines, with a token"
    }
  ])
)
