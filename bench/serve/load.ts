/**
 * A thousand requests at a `rise serve` of its own, sixteen at a time, one in a hundred malformed, with a client that
 * sends a byte a second and another that sends 100 MB beside them: latencies, throughput against the policy's bare
 * rollouts, memory, and whether every request got the answer that is its own.
 *
 *     node bench/serve/load.ts [REQUESTS] [CONCURRENCY]
 *
 * Prints one JSON object; exit code 1 where an answer is missing or another's.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Stream } from "effect"
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { Agent, request } from "node:http"
import { connect } from "node:net"
import sharp from "sharp"
import * as Answer from "../../src/dsl/Answer.ts"
import * as PolicyGrammar from "../../src/dsl/grammar/PolicyGrammar.ts"
import { Emotion6, Policy, Scenes } from "../../src/index.ts"
import { Decode, Image } from "../../src/kernels/image/index.ts"

const [requests = 1000, concurrency = 16] = process.argv.slice(2).map(Number)
const PICTURES = 64
const BATCH = 16

const pngs = await Effect.runPromise(
  Stream.runCollect(Scenes.dataset({ split: "test", limit: PICTURES })).pipe(
    Effect.flatMap(Effect.forEach(({ image }) => Decode.load(image))),
    Effect.flatMap(
      Effect.forEach(({ data, height, width }) =>
        Effect.promise(() => sharp(data, { raw: { width, height, channels: 3 } }).png().toBuffer())
      )
    ),
    Effect.provide(NodeServices.layer)
  )
)

interface Raw {
  readonly texts: ReadonlyArray<string>
  /** Answers per second. */
  readonly rate: number
}

/** The same pictures through the bare policy, decoded beforehand, in batches of the server's size. */
const raw = Effect.gen(function*() {
  const policy = yield* Policy.Policy
  const grammar = yield* PolicyGrammar.ofAnswer(Emotion6.task, "think")
  const session = yield* policy.session
  const asked = yield* Effect.forEach(pngs, (png, i) =>
    Effect.gen(function*() {
      const image = Image.encoded(`p${i}`, png)
      const prepared = session.prepare === undefined ? image : (yield* session.prepare(image)).image
      return { prompt: yield* Answer.ask(Emotion6.task, "think", { image: prepared }), key: `p${i}` }
    }))
  const batches = Array.from({ length: PICTURES / BATCH }, (_, i) => asked.slice(i * BATCH, (i + 1) * BATCH))
  const pass = Effect.forEach(
    batches,
    (batch) => session.sample(batch, { count: 1, maxTokens: 224, temperature: 0, grammar })
  )
  const texts = (yield* pass).flat().map(([completion]) => completion?.text ?? "")
  const began = performance.now()
  for (let i = 0; i < 4; i++) yield* pass
  const found: Raw = { texts, rate: 4 * PICTURES / ((performance.now() - began) / 1000) }
  return found
}).pipe(Effect.scoped, Effect.provide(Policy.onnx({ model: "embedded", trainable: "none" })))

/** The server, in a process of its own on a free port. */
const start = () =>
  new Promise<{ readonly port: number; readonly pid: number; readonly stop: () => Promise<number> }>(
    (resolve, reject) => {
      const program = new URL("../../src/cli/rise.ts", import.meta.url).pathname
      const child = spawn(process.execPath, [program, "serve", "--port", "0", "--batch", String(BATCH)])
      const ended = new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? -1)))
      let said = ""
      child.stderr.on("data", (chunk) => {
        said += chunk
        const [, port] = /served at \S+:(\d+):/.exec(said) ?? []
        if (port !== undefined && child.pid !== undefined) {
          resolve({
            port: Number(port),
            pid: child.pid,
            stop: () => {
              child.kill("SIGTERM")
              return ended
            }
          })
        }
      })
      void ended.then(() => reject(new Error(said)))
    }
  )

const residentMb = (pid: number): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024)

interface Answered {
  readonly status: number
  readonly body: string
}

const agent = new Agent({ keepAlive: true, maxSockets: concurrency })

const post = (port: number, path: string, type: string, body: Buffer | string) =>
  new Promise<Answered>((resolve, reject) => {
    const sent = request(
      {
        port,
        path,
        method: "POST",
        agent,
        headers: { "content-type": type, "content-length": Buffer.byteLength(body) }
      },
      (response) => {
        const parts: Array<Buffer> = []
        response.on("data", (part) => parts.push(part))
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() }))
        response.on("error", reject)
      }
    )
    sent.on("error", reject)
    sent.end(body)
  })

const chat = (png: Buffer, more: object) =>
  JSON.stringify({
    model: "scene-vl-places",
    temperature: 0,
    messages: [{
      role: "user",
      content: [{ type: "image_url", image_url: { url: `data:image/png;base64,${png.toString("base64")}` } }]
    }],
    ...more
  })

/** One request and whether its answer is its own: `undefined` where it is, else what came. */
const kinds: ReadonlyArray<(port: number, i: number, expected: string) => Promise<string | undefined>> = [
  async (port, i, expected) => {
    const { body, status } = await post(port, "/annotate", "image/png", pngs[i]!)
    const row = status === 200 ? JSON.parse(body) : {}
    return `<think>${row.reasoning}</think><answer>${row.annotation}</answer>` === expected ? undefined : body
  },
  async (port, i, expected) => {
    const { body, status } = await post(port, "/v1/chat/completions", "application/json", chat(pngs[i]!, {}))
    return status === 200 && JSON.parse(body).choices[0].message.content === expected ? undefined : body
  },
  async (port, i, expected) => {
    const { body, status } = await post(
      port,
      "/v1/chat/completions",
      "application/json",
      chat(pngs[i]!, { stream: true })
    )
    const events = body.trim().split("\n\n").map((event) => event.slice("data: ".length))
    const text = status !== 200 || events.pop() !== "[DONE]"
      ? ""
      : events.map((event) => JSON.parse(event).choices[0]?.delta.content ?? "").join("")
    return text === expected ? undefined : body
  }
]

const malformed: ReadonlyArray<(port: number) => Promise<Answered>> = [
  (port) => post(port, "/v1/chat/completions", "application/json", chat(pngs[0]!, {}).slice(0, -9)),
  (port) => post(port, "/annotate", "image/png", pngs[0]!.subarray(0, 90)),
  (port) => post(port, "/v1/chat/completions", "application/json", chat(pngs[0]!, { n: "two" }))
]

/** A client that announces a body and sends a byte of it a second, until it is turned away. */
const slow = (port: number) =>
  new Promise<string>((resolve) => {
    const socket = connect(port, "127.0.0.1")
    let got = ""
    const began = performance.now()
    socket.on("data", (part) => got += part)
    socket.on("error", () => {})
    socket.write(
      "POST /annotate HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/png\r\ncontent-length: 1000\r\n\r\n"
    )
    const timer = setInterval(() => socket.write("x"), 1000)
    socket.on("close", () => {
      clearInterval(timer)
      resolve(`${got.slice(9, 12)} after ${Math.round((performance.now() - began) / 1000)} s`)
    })
  })

/** 100 MB in chunks, so that no length announces them. */
const huge = (port: number) =>
  new Promise<string>((resolve) => {
    const part = Buffer.alloc(2 ** 20)
    const sent = request(
      { port, path: "/annotate", method: "POST", headers: { "content-type": "image/png" } },
      (response) => {
        response.resume()
        response.on("end", () => resolve(`${response.statusCode} after ${left === 0 ? "all" : `${100 - left} MB`}`))
      }
    )
    let left = 100
    sent.on("error", (error) => resolve(String(error)))
    const write = () => {
      if (left-- === 0) return void sent.end()
      sent.write(part, () => setImmediate(write))
    }
    write()
  })

const quantile = (sorted: ReadonlyArray<number>, q: number) =>
  Math.round(sorted[Math.floor(q * (sorted.length - 1))] ?? NaN)
const median = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN

const { rate, texts } = await Effect.runPromise(raw)
const server = await start()
const { port } = server
// The graphs of every size are built once, as in a server that has run for a while.
for (let size = 1; size <= concurrency; size *= 2) {
  for (let turn = 0; turn < 2; turn++) {
    await Promise.all(Array.from({ length: size }, (_, i) => kinds[0]!(port, i % PICTURES, texts[i % PICTURES]!)))
  }
}
const beside = [slow(port), huge(port)] as const
const millis: Array<number> = []
const resident: Array<number> = []
const wrong: Array<string> = []
let refused = 0
let next = 0
const began = performance.now()
await Promise.all(Array.from({ length: concurrency }, async () => {
  for (let i = next++; i < requests; i = next++) {
    const from = performance.now()
    if (i % 100 === 50) {
      const { body, status } = await malformed[Math.floor(i / 100) % malformed.length]!(port)
      if (status === 400 && JSON.parse(body).error.message !== "") refused++
      else wrong.push(`malformed ${i}: ${status} ${body}`)
      continue
    }
    const found = await kinds[i % kinds.length]!(port, i % PICTURES, texts[i % PICTURES]!)
    if (found !== undefined) wrong.push(`${i}: ${found.slice(0, 300)}`)
    millis.push(performance.now() - from)
    if (i % 10 === 0) resident.push(residentMb(server.pid))
  }
}))
const seconds = (performance.now() - began) / 1000
const [slowly, hugely] = await Promise.all(beside)
const health = JSON.parse(await fetch(`http://127.0.0.1:${port}/health`).then((response) => response.text()))
agent.destroy()
const code = await server.stop()
const sorted = millis.toSorted((a, b) => a - b)
const quarter = Math.floor(resident.length / 4)
console.log(JSON.stringify({
  requests,
  concurrency,
  answered: millis.length,
  refused,
  wrong: wrong.length,
  p50: quantile(sorted, 0.5),
  p95: quantile(sorted, 0.95),
  p99: quantile(sorted, 0.99),
  perSecond: Math.round(millis.length / seconds * 10) / 10,
  rawPerSecond: Math.round(rate * 10) / 10,
  ofRaw: Math.round(millis.length / seconds / rate * 100) / 100,
  rowsPerPass: Math.round(health.rows / health.passes * 10) / 10,
  residentMb: { second: median(resident.slice(quarter, 2 * quarter)), last: median(resident.slice(-quarter)) },
  slow: slowly,
  huge: hugely,
  heldBytes: health.heldBytes,
  exit: code
}))
for (const line of wrong.slice(0, 5)) console.error(line)
process.exitCode = wrong.length > 0 ? 1 : 0
