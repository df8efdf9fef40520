/** What `rise serve` does under too much, too large, too slow, without the token, and at its end. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { connect } from "node:net"
import { chat, pictures, send, type Served, start, turn } from "./process.ts"

const TOKEN = "a-token-of-this-test"
const bearer = { authorization: `Bearer ${TOKEN}` }
let server: Served
let png: Buffer

beforeAll(async () => {
  ;[server, [png = Buffer.alloc(0)]] = await Promise.all([
    start(["--queue", "4", "--batch", "2", "--max-body", "1", "--body-timeout", "1s", "--name", "tight"], {
      RISE_SERVE_TOKEN: TOKEN
    }),
    pictures(1)
  ])
})
afterAll(async () => {
  server.signal("SIGKILL")
  await server.ended
})

/** What comes back until the connection is closed, of a request that is written by hand: all of it, or a part. */
const raw = (headers: string, body: string | Buffer) =>
  new Promise<string>((resolve) => {
    const socket = connect(server.port, "127.0.0.1")
    let got = ""
    socket.on("data", (part) => got += part)
    socket.on("error", () => {})
    socket.on("close", () => resolve(got))
    socket.write(
      `POST /annotate HTTP/1.1\r\nhost: localhost\r\nauthorization: ${bearer.authorization}\r\n` +
        `content-type: image/png\r\n${headers}\r\n\r\n`
    )
    socket.write(body)
  })

const ask = (more: object = {}) => chat(server.port, { model: "tight", messages: [turn("", png)], ...more }, bearer)

describe("rise serve, held to its limits", () => {
  it("asks for the token everywhere but at its page, and never prints the environment's", async () => {
    const of = async (path: string, headers: Readonly<Record<string, string>> = {}) =>
      (await send(server.port, path, { headers })).status
    assert.deepStrictEqual(await Promise.all([of("/"), of("/page.js"), of("/health")]), [200, 200, 200])
    assert.deepStrictEqual(
      await Promise.all([
        of("/v1/models"),
        of("/v1/models", { authorization: "Bearer wrong-token" }),
        of("/v1/models", { authorization: `Basic ${TOKEN}` }),
        of("/v1/models", bearer)
      ]),
      [401, 401, 401, 200]
    )
    const refused = await chat(server.port, { model: "tight", messages: [turn("", png)] })
    assert.strictEqual(refused.json.error.code, "invalid_api_key")
    assert.strictEqual(refused.headers["www-authenticate"], "Bearer")
    assert.notInclude(server.said(), TOKEN)
  })

  it("turns away bodies that are too large, announced or not, and those that do not come", async () => {
    const body = Buffer.alloc(2 ** 21, 97)
    const headers = { ...bearer, "content-type": "image/png" }
    const announced = await send(server.port, "/annotate", {
      body: "",
      headers: { ...headers, "content-length": "999999999" }
    })
    assert.strictEqual(announced.status, 413)
    const size = `${body.length.toString(16)}\r\n`
    const chunked = await raw("transfer-encoding: chunked", Buffer.concat([Buffer.from(size), body]))
    assert.match(chunked, /^HTTP\/1\.1 413 .*connection: close.*more than 1 MiB, expected at most 1 MiB/is)
    const slow = await raw("content-length: 100", "abc")
    assert.match(slow, /^HTTP\/1\.1 408 .*3 bytes of it did/s)
    assert.strictEqual(JSON.parse((await send(server.port, "/health")).text).heldBytes, 0)
  })

  it("tells those for whom there is no place when to come back, and answers all others", async () => {
    const all = await Promise.all(Array.from({ length: 24 }, () => ask()))
    const answered = all.filter(({ status }) => status === 200)
    const refused = all.filter(({ status }) => status === 429)
    assert.strictEqual(answered.length + refused.length, 24)
    assert.isAtLeast(answered.length, 4)
    assert.isAtLeast(refused.length, 1)
    assert.strictEqual(new Set(answered.map(({ json }) => json.choices[0].message.content)).size, 1)
    for (const { headers, json } of refused) {
      assert.match(String(headers["retry-after"]), /^[1-9]\d*$/)
      assert.strictEqual(json.error.code, "rate_limit_exceeded")
    }
    const { passes, places, rows } = JSON.parse((await send(server.port, "/health")).text)
    assert.deepStrictEqual([places, rows > passes], [0, true])
  })

  it("answers what is under way when it is stopped, and nothing after that", async () => {
    const under = Array.from({ length: 4 }, () => ask({ n: 1, temperature: 1, mask: false, max_tokens: 150 }))
    const placed = async () => JSON.parse((await send(server.port, "/health")).text).places
    for (let turn = 0; turn < 1000 && await placed() < 4; turn++) {
      await new Promise((next) => setTimeout(next, 2))
    }
    server.signal("SIGTERM")
    const all = await Promise.all(under)
    assert.deepStrictEqual(all.map(({ status }) => status), [200, 200, 200, 200])
    assert.strictEqual(await server.ended, 143)
    assert.match(server.said(), /stopping: \d answers under way are waited for/)
    assert.strictEqual(await ask().then(() => "answered", () => "gone"), "gone")
  })
})
