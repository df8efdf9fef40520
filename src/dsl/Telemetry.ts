/**
 * Spans, metrics and log records of a program, sent over OTLP where `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector.
 * The `rise` command and `Rise.runMain` do so by themselves; a program that is run otherwise provides `layer`.
 *
 * @module
 */
import { Cause, ConfigProvider, Context, Effect, Exit, Layer, Logger } from "effect"
import type { HttpClient } from "effect/http"
import { type OtlpExporter, OtlpLogger, OtlpMetrics, OtlpSerialization, OtlpTracer } from "effect/observability"
import packageJson from "../../package.json" with { type: "json" }
import { warn } from "../kernels/runtime/Warning.ts"
import { asked } from "./telemetry/Asked.ts"
import * as Collector from "./telemetry/Collector.ts"
import { Exporting } from "./telemetry/Exporting.ts"

type Environment = Readonly<Record<string, string | undefined>>
type Signal = "LOGS" | "METRICS" | "TRACES"

/** What OpenTelemetry's specification says of variables that are not set, or empty; the service is named after us. */
const completed = (env: Environment): Record<string, string> => ({
  OTEL_TRACES_EXPORTER: "otlp",
  OTEL_METRICS_EXPORTER: "otlp",
  OTEL_LOGS_EXPORTER: "otlp",
  OTEL_SERVICE_NAME: "rise",
  OTEL_SERVICE_VERSION: packageJson.version,
  ...Object.fromEntries(
    Object.entries(env).flatMap(([name, value = ""]) =>
      name.startsWith("OTEL_") && value.trim() !== "" ? [[name, value.trim()]] : []
    )
  )
})

/** What a signal's protocol is called, and how it is written. */
const protocols: Readonly<Record<string, Layer.Layer<OtlpSerialization.OtlpSerialization>>> = {
  "http/protobuf": OtlpSerialization.layerProtobuf,
  "http/json": OtlpSerialization.layerJson
}

/** Specification: each request may take ten seconds. */
const timeoutMillis = 10_000

type Signals = Readonly<Record<Signal, Layer.Layer<OtlpExporter.Flusher, never, Wire>>>
type Wire = HttpClient.HttpClient | OtlpSerialization.OtlpSerialization

const signals: Signals = {
  LOGS: OtlpLogger.layerFromConfig({ excludeLogSpans: true, mergeWithExisting: false }),
  METRICS: OtlpMetrics.layerFromConfig(),
  TRACES: OtlpTracer.layerFromConfig()
}

/** A signal on its way to the collector. */
const exported = (env: Readonly<Record<string, string>>, signal: Signal) => {
  const protocol = env[`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`] ?? env["OTEL_EXPORTER_OTLP_PROTOCOL"] ?? "http/protobuf"
  const serialization = protocols[protocol]
  return serialization === undefined
    ? Layer.effectDiscard(warn(
      `OTEL_EXPORTER_OTLP_PROTOCOL is ${protocol}, which is not spoken here: set ${
        Object.keys(protocols).join(" or ")
      } ` +
        `and name the collector's HTTP port, mostly 4318. The run goes on without ${signal.toLowerCase()}`
    ))
    : Layer.provide(signals[signal], serialization)
}

/** What is named as a collector's address and is none: "localhost:4318" is often written. */
const misaddressed = (env: Environment): string | undefined => {
  for (const [name, value = ""] of Object.entries(env)) {
    if (!/^OTEL_EXPORTER_OTLP_(\w+_)?ENDPOINT$/.test(name)) continue
    if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) continue
    return `${name} is "${value}", which is no address such as http://localhost:4318`
  }
  return undefined
}

/** A text without what the headers hold: mostly a key. */
const withoutHeaders = (env: Environment, text: string): string =>
  Object.entries(env).reduce((text, [name, value = ""]) => {
    if (!name.endsWith("_HEADERS")) return text
    const secrets = [value, ...value.split(/[,=]/).map((part) => part.trim())].filter((part) => part.length > 3)
    return secrets.reduce((text, secret) => text.replaceAll(secret, "…"), text)
  }, text)

const without = (reason: string): Effect.Effect<Context.Context<never>> =>
  Effect.as(warn(`${reason}. The run goes on without telemetry`), Context.empty())

/** Builds what the environment asks for. What it asks for wrongly costs a warning. */
const build = Effect.fnUntraced(function*(env: Record<string, string>) {
  const wrong = misaddressed(env)
  if (wrong !== undefined) return yield* without(wrong)
  const known = yield* Logger.CurrentLoggers
  const timeout = Number(env["OTEL_EXPORTER_OTLP_TIMEOUT"] ?? timeoutMillis)
  const collector = yield* Collector.make(timeout > 0 ? timeout : timeoutMillis)
  const all = Layer.mergeAll(exported(env, "TRACES"), exported(env, "METRICS"), exported(env, "LOGS")).pipe(
    Layer.provide(collector.layer),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env })))
  )
  const built = yield* Effect.exit(Layer.build(all))
  if (Exit.isFailure(built)) {
    const reason = Cause.prettyErrors(built.cause).map(({ message }) => message).join("; ")
    return yield* without(`the OTEL_ variables cannot be read: ${withoutHeaders(env, reason)}`)
  }
  // The last to come is the first to go: before the exporters flush.
  yield* Effect.addFinalizer(() => collector.closing)
  const loggers = Context.get(built.value, Logger.CurrentLoggers)
  const own = new Set([...loggers].filter((logger) => logger !== Logger.defaultLogger && !known.has(logger)))
  return built.value.pipe(
    Context.add(Exporting, own),
    Context.add(Logger.CurrentLoggers, new Set([...known, ...own]))
  )
})

/**
 * Exports what happens below it where the environment names a collector, and flushes when its scope closes. Where none
 * is named it does nothing; a collector that cannot be reached costs one warning.
 *
 * ```ts
 * program.pipe(Effect.provide(policy), Effect.provide(Telemetry.layer), Effect.runPromise)
 * ```
 */
export const layer: Layer.Layer<never> = Layer.effectContext(
  Effect.suspend(() => asked(process.env) ? build(completed(process.env)) : Effect.succeed(Context.empty()))
)
