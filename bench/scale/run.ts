/**
 * What one client process can feed: pictures through `Pipelines.annotate` to an engine of fixed latency.
 *
 *     node bench/scale/run.ts [--samples 1000] [--slots 64] [--millis 2000] [--concurrency N] [--side 112]
 *
 * Prints one JSON line at 1,000, 10,000, … samples: seconds, the share of the engine's slots that were in use, resident
 * memory and CPU seconds of this process, and the machine's load (mean of the last minute), without which the share
 * says little: what waits for a processor sends nothing.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer, Stream } from "effect"
import { spawn } from "node:child_process"
import { loadavg } from "node:os"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import * as Image from "../../src/kernels/image/Image.ts"
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

/**
 * No two alike, and nothing that compresses away: noise, by xorshift32 (Marsaglia 2003). It has to cost next to
 * nothing: what is measured is the client.
 */
const picture = (i: number) =>
  Image.rendered(`picture-${i}`, () => {
    const words = new Uint32Array(Math.ceil(side * side * 3 / 4))
    let word = Math.imul(i + 1, 0x9e3779b1) | 1
    for (let at = 0; at < words.length; at++) {
      word ^= word << 13
      word ^= word >>> 17
      word ^= word << 5
      words[at] = word
    }
    return { width: side, height: side, data: new Uint8Array(words.buffer, 0, side * side * 3) }
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
        cpuSeconds: Math.round((cpu.user + cpu.system) / 1e6),
        load: Number((loadavg()[0] ?? 0).toFixed(1))
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
