/**
 * What one client process can feed: pictures through `Pipelines.annotate` to an engine of fixed latency.
 *
 *     node bench/scale/run.ts [--samples 1000] [--slots 64] [--millis 2000] [--concurrency N] [--side 112]
 *
 * Prints one JSON line at 1,000, 10,000, … samples: seconds, the share of the engine's slots that were in use, and the
 * resident memory of this process.
 */
import { NodeHttpClient, NodeServices } from "@effect/platform-node"
import { Effect, Layer, Stream } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import * as Image from "../../src/kernels/image/Image.ts"
import * as Keyed from "../../src/kernels/math/Keyed.ts"
import { annotate } from "../../src/pipelines/annotate.ts"
import { directoryOf } from "../../src/policy/Embedded.ts"
import { TinkerPolicy } from "../../src/policy/index.ts"
import * as Emotion6 from "../../src/tasks/classification/Emotion6.ts"

const { values } = parseArgs({
  options: Object.fromEntries(
    ["samples", "slots", "millis", "concurrency", "side"].map((name) => [name, { type: "string" as const }])
  )
})
const given = (name: string, fallback: number) => Number(values[name] ?? fallback)
const [samples, slots, millis, side] = [
  given("samples", 1000),
  given("slots", 64),
  given("millis", 2000),
  given("side", 112)
]

/** The engine in a process of its own: its memory and time are not the client's. */
const engine = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly stop: () => void }>((resume) => {
    const child = spawn(process.execPath, [
      fileURLToPath(new URL("./engine.ts", import.meta.url)),
      String(slots),
      String(millis)
    ], { stdio: ["ignore", "pipe", "inherit"] })
    child.stdout.once(
      "data",
      (line: Buffer) => resume(Effect.succeed({ url: line.toString().trim(), stop: () => void child.kill() }))
    )
  }),
  ({ stop }) => Effect.sync(stop)
)

/** No two alike, and nothing that compresses away: noise. */
const picture = (i: number) =>
  Image.rendered(`picture-${i}`, () => {
    const { int } = Keyed.stream(0, `picture=${i}`)
    return { width: side, height: side, data: Uint8Array.from({ length: side * side * 3 }, () => int(256)) }
  })

const marks = [1, 2, 5].flatMap((step) => [1e2, 1e3, 1e4, 1e5].map((power) => step * power))

const main = Effect.gen(function*() {
  const { url } = yield* engine
  const tell = (done: number) =>
    Effect.promise(async () => {
      const { busySeconds, seconds } = (await (await fetch(`${url}/figures`)).json()) as {
        readonly busySeconds: number
        readonly seconds: number
      }
      const { cpu, rss } = { cpu: process.cpuUsage(), rss: process.memoryUsage().rss }
      console.log(JSON.stringify({
        samples: done,
        seconds: Math.round(seconds),
        used: Number((busySeconds / (slots * seconds)).toFixed(3)),
        rssMiB: Math.round(rss / 2 ** 20),
        cpuSeconds: Math.round((cpu.user + cpu.system) / 1e6)
      }))
    })
  let done = 0
  yield* Stream.range(0, samples - 1).pipe(
    Stream.map(picture),
    annotate(Emotion6.task, { grammar: "off", maxTokens: 56 }),
    Stream.runForEach(() => {
      done++
      return marks.includes(done) || done === samples ? tell(done) : Effect.void
    }),
    Effect.provide(
      TinkerPolicy.layer({
        baseUrl: url,
        model: "engine",
        tokenizer: directoryOf("embedded"),
        seed: 0,
        probe: false,
        ...(values["concurrency"] !== undefined && { concurrency: given("concurrency", 0) })
      }).pipe(Layer.provide(Layer.merge(NodeHttpClient.layerUndici, NodeServices.layer)))
    )
  )
}).pipe(Effect.scoped)

await Effect.runPromise(main)
