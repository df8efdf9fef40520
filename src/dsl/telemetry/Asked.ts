/**
 * Whether the environment asks for telemetry. Nothing else is loaded where it does not.
 */
type Environment = Readonly<Record<string, string | undefined>>

/** Variables that name a collector, for all signals or for one. */
const endpoints = ["", "TRACES_", "METRICS_", "LOGS_"].map((signal) => `OTEL_EXPORTER_OTLP_${signal}ENDPOINT`)

/** Whether an endpoint is named and the SDK is not switched off. As OpenTelemetry has it, an empty value is none. */
export const asked = (env: Environment): boolean =>
  env["OTEL_SDK_DISABLED"]?.trim().toLowerCase() !== "true" && endpoints.some((name) => (env[name] ?? "").trim() !== "")
