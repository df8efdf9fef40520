/**
 * An engine that only waits: so many texts at a time, each after a fixed time, like GPUs that are busy. What one client
 * process can feed is measured against it.
 *
 *     node bench/scale/engine.ts SLOTS MILLIS
 *
 * Prints its address; answers GET /figures with what was drawn and how long slots stood idle.
 */
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { PbfWriter } from "pbf"

const [slots = 64, millis = 2000] = process.argv.slice(2).map(Number)

const text = Int32Array.from([1, 2, 3, 4, 5, 6, 7, 8])
const answer = (() => {
  const pbf = new PbfWriter()
  pbf.writeMessage(1, (_, pbf) => {
    pbf.writeVarintField(1, 0)
    pbf.writeBytesField(2, new Uint8Array(text.buffer))
    pbf.writeBytesField(3, new Uint8Array(new Float32Array(text.length).fill(-0.5).buffer))
  }, undefined)
  return Buffer.from(pbf.finish())
})()

interface Work {
  done: boolean
  asked: ServerResponse | undefined
}

let [busy, drawn, next, since, served] = [0, 0, 0, 0, 0]
let first: number | undefined
const queue: Array<Work> = []
const works = new Map<string, Work>()

/** Slots times seconds that were in use. */
const account = () => {
  const now = performance.now()
  served += busy * (now - since)
  since = now
}

const reply = (response: ServerResponse) => {
  response.writeHead(200, { "content-type": "application/x-protobuf" })
  response.end(answer)
}

const pump = () => {
  while (busy < slots && queue.length > 0) {
    const work = queue.shift()!
    first ??= performance.now()
    account()
    busy++
    setTimeout(() => {
      account()
      busy--
      drawn++
      work.done = true
      if (work.asked !== undefined) reply(work.asked)
      pump()
    }, millis)
  }
}

const json = (response: ServerResponse, body: unknown) => {
  response.writeHead(200, { "content-type": "application/json" })
  response.end(JSON.stringify(body))
}

const server = createServer((request, response) => {
  const chunks: Array<Buffer> = []
  request.on("data", (chunk: Buffer) => chunks.push(chunk))
  request.on("end", () => {
    const path = (request.url ?? "").replace("/api/v1/", "")
    if (path === "/figures") {
      account()
      return json(response, { drawn, busySeconds: served / 1000, seconds: (performance.now() - (first ?? 0)) / 1000 })
    }
    if (path === "asample") {
      const id = String(++next)
      const work: Work = { done: false, asked: undefined }
      works.set(id, work)
      queue.push(work)
      pump()
      return json(response, { request_id: id })
    }
    if (path === "retrieve_future") {
      const { request_id: id } = JSON.parse(Buffer.concat(chunks).toString())
      const work = works.get(id)
      // Everything but texts is there at once.
      if (work === undefined) return json(response, { model_id: "model", sampling_session_id: "sampling", path: "p" })
      works.delete(id)
      if (work.done) return reply(response)
      work.asked = response
      return undefined
    }
    return json(response, { session_id: "session", model_id: "model", request_id: "ready", supported_models: [] })
  })
})
// Node closes a connection that was idle for 5 s: a client that sends on it just then sees it cut.
server.keepAliveTimeout = 120_000
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})
