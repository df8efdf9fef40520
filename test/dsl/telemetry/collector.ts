/** A collector: takes what is sent over OTLP/HTTP as JSON, and keeps the bytes of everything. */
import { Effect } from "effect"
import { createServer, type IncomingHttpHeaders } from "node:http"
import type { AddressInfo } from "node:net"

interface Attribute {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}

export interface Span {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: ReadonlyArray<Attribute>
  readonly status: { readonly code: number }
}

interface Point {
  readonly attributes: ReadonlyArray<Attribute>
  readonly asDouble?: number
}

interface Series {
  readonly dataPoints: ReadonlyArray<Point>
}

interface Log {
  readonly severityText: string
  readonly body: { readonly stringValue?: string }
  readonly attributes: ReadonlyArray<Attribute>
  readonly spanId?: string
}

interface Resource {
  readonly attributes: ReadonlyArray<Attribute>
}

interface Data {
  readonly resourceSpans?: ReadonlyArray<
    { readonly resource: Resource; readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Span> }> }
  >
  readonly resourceMetrics?: ReadonlyArray<{
    readonly scopeMetrics: ReadonlyArray<{
      readonly metrics: ReadonlyArray<{ readonly name: string; readonly gauge?: Series; readonly sum?: Series }>
    }>
  }>
  readonly resourceLogs?: ReadonlyArray<
    { readonly scopeLogs: ReadonlyArray<{ readonly logRecords: ReadonlyArray<Log> }> }
  >
}

export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Attributes as a record: their values without their types. */
export const attributes = (list: ReadonlyArray<Attribute>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]]))

/** Listens on loopback; answers with the status. */
export const collector = (status = 200) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly received: ReadonlyArray<Received>; readonly close: () => void }>(
      (resume) => {
        const received: Array<Received> = []
        const server = createServer((request, response) => {
          const chunks: Array<Buffer> = []
          request.on("data", (chunk: Buffer) => chunks.push(chunk))
          request.on("end", () => {
            received.push({ path: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks) })
            response.writeHead(status, { "content-type": "application/json" }).end("{}")
          })
        })
        server.listen(0, "127.0.0.1", () => {
          const { port } = server.address() as AddressInfo
          resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, received, close: () => server.close() }))
        })
      }
    ),
    ({ close }) => Effect.sync(close)
  )

/** What came as JSON, by kind. */
export const read = (received: ReadonlyArray<Received>) => {
  const sent = received.filter(({ path }) => /^\/v1\/(logs|metrics|traces)$/.test(path))
  const all = sent.map(({ body }): Data => JSON.parse(body.toString()))
  const spans = all.flatMap(({ resourceSpans = [] }) => resourceSpans)
  return {
    resource: attributes(spans[0]?.resource.attributes ?? []),
    spans: spans.flatMap(({ scopeSpans }) => scopeSpans).flatMap(({ spans }) => spans),
    metrics: all.flatMap(({ resourceMetrics = [] }) => resourceMetrics).flatMap(({ scopeMetrics }) => scopeMetrics)
      .flatMap(({ metrics }) => metrics),
    logs: all.flatMap(({ resourceLogs = [] }) => resourceLogs).flatMap(({ scopeLogs }) => scopeLogs)
      .flatMap(({ logRecords }) => logRecords)
  }
}
