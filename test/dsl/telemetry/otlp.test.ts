/** What a run sends to a collector, and what it does where there is none. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { root } from "../../cli/processes.ts"
import { attributes, collector, read } from "./collector.ts"

const program = fileURLToPath(new URL("../programs/exporting.ts", import.meta.url))

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "rise-otlp-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

/** Nothing of the environment that the tests run in. */
const bare = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("OTEL_")))

/** Runs a program to its end; a signal is sent when it waits. */
const ended = (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
  signal?: NodeJS.Signals
): Effect.Effect<{ readonly code: number | null; readonly stderr: string; readonly stdout: string }> =>
  Effect.callback((resume) => {
    const child = spawn(process.execPath, args, { env: { ...bare, ...env }, stdio: ["ignore", "pipe", "pipe"] })
    let [stdout, stderr] = ["", ""]
    let sent = false
    child.stdout.on("data", (chunk) => stdout += String(chunk))
    child.stderr.on("data", (chunk) => {
      stderr += String(chunk)
      if (signal === undefined || sent || !stderr.includes("waiting\n")) return
      sent = true
      child.kill(signal)
    })
    child.on("close", (code) => resume(Effect.succeed({ code, stdout, stderr })))
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

const json = (url: string) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" })

/** The bytes of a run's files; how long its stages took is no part of them. */
const files = (folder: string) =>
  Object.fromEntries(
    readdirSync(join(folder, "run"), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile() && !/^(timings\.jsonl|ledger\.json)$/.test(entry.name)
    ).map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return [path.slice(folder.length), readFileSync(path).toString("base64")]
    })
  )

describe("telemetry", () => {
  for (const mode of ["main", "layer"]) {
    it.live(
      `has a span for every stage and step, every figure and what was said (${mode})`,
      () =>
        Effect.scoped(Effect.gen(function*() {
          const folder = yield* directory
          const { received, url } = yield* collector()
          const env = {
            ...json(url),
            OTEL_EXPORTER_OTLP_HEADERS: "x-scope=mine,authorization=Bearer%20sesame-4711",
            OTEL_SERVICE_NAME: "mood trainer",
            OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=test"
          }
          const { code, stderr } = yield* ended([program, folder, mode], env)
          assert.strictEqual(code, 0, stderr)
          const { logs, metrics, resource, spans } = read(received)
          assert.include(resource, { "service.name": "mood trainer", "deployment.environment": "test" })
          for (const { headers } of received) {
            assert.include(headers, { "x-scope": "mine", authorization: "Bearer sesame-4711" })
          }

          const stage = spans.find(({ name }) => name === "sft")
          const stepsOf = spans.filter(({ name }) => name === "sft step")
          assert.deepStrictEqual(
            stepsOf.map((span) => [attributes(span.attributes)["rise.step"], span.parentSpanId]),
            [1, 2, 3, 4, 5, 6].map((step) => [step, stage?.spanId])
          )
          assert.lengthOf(new Set(spans.map(({ traceId }) => traceId)), mode === "main" ? 1 : 2)
          if (mode === "main") {
            assert.strictEqual(spans.find(({ spanId }) => spanId === stage?.parentSpanId)?.name, "rise")
          }
          // What metrics.jsonl says of a step stands in its span; the last of it in the gauges.
          const lines = readFileSync(join(folder, "run/metrics.jsonl"), "utf8").trim().split("\n").map((line) =>
            JSON.parse(line)
          )
          assert.lengthOf(lines, 6)
          for (const [i, { loss }] of lines.entries()) {
            assert.strictEqual(attributes(stepsOf[i]?.attributes ?? [])["rise.loss"], loss)
          }
          const last = (name: string) => {
            const metric = metrics.findLast((metric) => metric.name === name)
            return (metric?.gauge ?? metric?.sum)?.dataPoints.map((point) => [
              attributes(point.attributes)["rise.stage"],
              point.asDouble
            ])
          }
          assert.deepStrictEqual(last("rise.loss"), [["sft", lines[5].loss]])
          assert.deepStrictEqual(last("rise.step"), [["sft", 6]])
          assert.isAbove(Number(last("rise.tokens")?.[0]?.[1]), 0)

          const said = logs.map(({ attributes: list, body, severityText }) =>
            [severityText, attributes(list)["rise.stage"], body.stringValue] as const
          )
          assert.deepInclude(said, ["Info", "sft", "begins: 6 steps"])
          assert.deepInclude(said, ["Info", "sft", "done"])
          assert.deepInclude(said, ["Warn", undefined, "beside"])
          // What is exported is shown no more often than without.
          assert.lengthOf(stderr.match(/beside/g) ?? [], 1)
          assert.notInclude(stderr, "begins: 6 steps")
          for (const { body } of received) assert.notInclude(body.toString("latin1"), "sesame")
        })),
      300_000
    )
  }

  it.live(
    "speaks protobuf where no protocol is named, and changes no byte of a run; without an endpoint it is silent",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const [with_, without] = [yield* directory, yield* directory]
        const { received, url } = yield* collector()
        assert.strictEqual((yield* ended([program, with_], { OTEL_EXPORTER_OTLP_ENDPOINT: url })).code, 0)
        assert.deepStrictEqual([...new Set(received.map(({ path }) => path))].sort(), [
          "/v1/logs",
          "/v1/metrics",
          "/v1/traces"
        ])
        for (const { headers } of received) assert.strictEqual(headers["content-type"], "application/x-protobuf")
        const { length } = received
        assert.strictEqual((yield* ended([program, without], { OTEL_EXPORTER_OTLP_ENDPOINT: " " })).code, 0)
        const off = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_SDK_DISABLED: "true" }
        assert.strictEqual((yield* ended([program, yield* directory], off)).code, 0)
        assert.lengthOf(received, length)
        assert.deepStrictEqual(files(with_), files(without))
      })),
    300_000
  )

  it.live(
    "is flushed on Ctrl-C, the step under way included",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const { received, url } = yield* collector()
        const { code } = yield* ended([program, yield* directory, "hang"], json(url), "SIGINT")
        assert.strictEqual(code, 130)
        const { logs, spans } = read(received)
        const steps = spans.filter(({ name }) => name === "sft step").map(({ attributes: list }) => attributes(list))
        assert.deepStrictEqual(steps.map((step) => step["rise.step"]), [1, 2, 3, 4])
        assert.include(steps[3], { "effect.fiber.interrupted": true })
        assert.isTrue(logs.some(({ body }) => body.stringValue?.startsWith("Interrupted.")))
      })),
    300_000
  )

  const silentServer = Effect.acquireRelease(
    Effect.callback<{ readonly port: number; readonly close: () => void }>((resume) => {
      const server = createServer(() => {})
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(Effect.succeed({ port, close: () => server.close() }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

  it.live(
    "costs one warning where the collector is not there, never answers or refuses, and no key is in it",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const { port } = yield* silentServer
        const refusing = yield* collector(401)
        const cases = [
          // Port 9 is "discard": nobody listens there.
          ["http://me:sesame@127.0.0.1:9/", /http:\/\/127\.0\.0\.1:9\/v1\/\w+: /],
          [`http://127.0.0.1:${port}`, /no answer in time/],
          [refusing.url, /it answered 401/]
        ] as const
        for (const [url, reason] of cases) {
          const started = performance.now()
          const { code, stderr } = yield* ended([program, yield* directory], {
            OTEL_EXPORTER_OTLP_ENDPOINT: url,
            OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20sesame"
          })
          assert.strictEqual(code, 0, stderr)
          assert.lengthOf(stderr.match(/telemetry/g) ?? [], 1, stderr)
          assert.match(stderr, reason)
          assert.notInclude(stderr, "sesame")
          assert.isBelow(performance.now() - started, 15_000)
        }
      })),
    300_000
  )

  it.live(
    "is left out with a warning where what is asked for cannot be read or is not spoken",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const { received, url } = yield* collector()
        const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: url }
        const cases = [
          ...["localhost 4318", "localhost:4318", "ftp://localhost"].map((value) =>
            [
              { OTEL_EXPORTER_OTLP_ENDPOINT: value },
              new RegExp(`OTLP_ENDPOINT is "${value}", which is no address`)
            ] as const
          ),
          [{ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, /PROTOCOL is grpc, .*4318.* without traces/],
          [{ ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: "key=%E0%A4%A-sesame" }, /the OTEL_ variables cannot be read/]
        ] as const
        for (const [env, text] of cases) {
          const { code, stderr } = yield* ended([program, yield* directory], env)
          assert.strictEqual(code, 0, stderr)
          assert.match(stderr, text)
          assert.notInclude(stderr, "sesame")
        }
        assert.lengthOf(received, 0)
      })),
    300_000
  )

  it.live(
    "goes with the command, and under --json standard error stays JSON",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const folder = yield* directory
        const { received, url } = yield* collector()
        const rise = join(root, "src/cli/rise.ts")
        const { code, stderr } = yield* ended([rise, "init", join(folder, "weather"), "--json"], json(url))
        assert.strictEqual(code, 0, stderr)
        assert.deepStrictEqual(read(received).spans.map(({ name }) => name), ["rise"])
        // A server that is asked with a key, which its address holds too: what it is asked stands in spans.
        const before = received.length
        const address = url.replace("//", "//me:sesame-0@")
        const { stdout } = yield* ended([rise, "doctor", "--sampler", `vllm=${address}/v1`, "--model", "x"], {
          ...json(url),
          OPENAI_API_KEY: "sesame-4711"
        })
        assert.include(stdout, "sampler")
        const after = received.slice(before)
        assert.isTrue(
          after.some(({ headers, path }) => path === "/v1/models" && headers.authorization === "Bearer sesame-4711")
        )
        assert.isTrue(read(after).spans.some((span) => attributes(span.attributes)["url.path"] === "/v1/models"))
        for (const { body } of after) assert.notInclude(body.toString("latin1"), "sesame")
        const refused = yield* ended([rise, "init", join(folder, "rain"), "--json"], json("http://127.0.0.1:9"))
        const lines = refused.stderr.trim().split("\n").map((line): unknown => JSON.parse(line))
        assert.lengthOf(lines.filter((line) => JSON.stringify(line).includes("telemetry is not delivered")), 1)
      })),
    300_000
  )
})
