/** Weights that an engine gives away: taken whole or not at all, whatever the archive is. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Path, Redacted } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { constants, gzipSync } from "node:zlib"
import { pack } from "tar-stream"
import * as Archive from "../../../src/policy/tinker/Archive.ts"

const MAX_BYTES = 4_000_000

/** A server that answers every request so. */
const serving = (answer: (request: IncomingMessage, response: ServerResponse) => void) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly server: ReturnType<typeof createServer>; readonly baseUrl: string }>((resume) => {
      const server = createServer(answer)
      server.listen(0, "127.0.0.1", () =>
        resume(Effect.succeed({ server, baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })))
    }),
    ({ server }) =>
      Effect.callback<void>((resume) => {
        server.close(() =>
          resume(Effect.void)
        )
        server.closeAllConnections()
      })
  )

const tar = (entries: ReadonlyArray<readonly [name: string, content: string | Buffer, type?: "symlink"]>) =>
  Effect.promise(async () => {
    const made = pack()
    for (const [name, content, type] of entries) {
      if (type === "symlink") made.entry({ name, type, linkname: String(content) })
      else made.entry({ name }, content)
    }
    made.finalize()
    const chunks: Array<Buffer> = []
    for await (const chunk of made) if (chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk))
    return Buffer.concat(chunks)
  })

/** What becomes of an archive: the files that were written, or why not. */
const taken = (content: Uint8Array) =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { join } = yield* Path.Path
    const at = yield* fs.makeTempDirectoryScoped()
    const { baseUrl } = yield* serving((_, response) => {
      response.writeHead(200, { "content-type": "application/gzip" })
      response.end(content)
    })
    const directory = join(at, "model")
    const result = yield* Effect.result(
      Archive.download("tinker://m/sampler_weights/n", directory, { baseUrl, apiKey: undefined, maxBytes: MAX_BYTES })
    )
    if (result._tag === "Failure") {
      assert.deepStrictEqual(yield* fs.readDirectory(at), [])
      return result.failure.message
    }
    assert.deepStrictEqual(yield* fs.readDirectory(at), ["model"])
    const names = yield* fs.readDirectory(directory)
    return Object.fromEntries(
      yield* Effect.forEach(names, (name) =>
        Effect.map(fs.readFile(join(directory, name)), (content) => [name, Buffer.from(content).toString("base64")]))
    )
  }))

const base64 = (content: string | Buffer) => Buffer.from(content).toString("base64")

describe("an archive of weights", () => {
  it.live("is written file by file; what lies elsewhere, or is no file, is left out", () =>
    Effect.gen(function*() {
      const large = Buffer.alloc(1_500_000, "weights")
      const files = yield* taken(gzipSync(
        yield* tar([
          ["./adapter_config.json", "{}"],
          ["adapter_model.safetensors", large],
          ["../evil.txt", "out of the folder"],
          ["deep/evil.txt", "in another one"],
          [".hidden", "no"],
          ["link", "/etc/passwd", "symlink"]
        ])
      ))
      assert.deepStrictEqual(files, { "adapter_config.json": base64("{}"), "adapter_model.safetensors": base64(large) })
    }).pipe(Effect.provide(Layer.merge(NodeHttpClient.layerUndici, NodeServices.layer))), 60_000)

  it.live("that is none, or pretends to be small, is refused, and nothing is left of it", () =>
    Effect.gen(function*() {
      const whole = gzipSync(yield* tar([["a", Buffer.alloc(100_000, "abc")], ["b", "b"]]))
      // 64 MB of zeros in 300 kB.
      const bomb = gzipSync(yield* tar([["a", Buffer.alloc(2 ** 26)]]), { level: constants.Z_BEST_SPEED })
      assert.isBelow(bomb.length, MAX_BYTES)
      for (
        const [content, expected] of [
          [Buffer.from("<html>"), /the archive of tinker:\/\/m\/\S+: incorrect header check/],
          [whole.subarray(0, whole.length - 20), /the archive of .*: unexpected end of file/],
          [gzipSync(Buffer.alloc(1024, "x")), /the archive of .*: Invalid tar header/],
          [bomb, /the archive of .*: it is larger than 4000000 bytes/],
          [Buffer.alloc(MAX_BYTES + 1, 31), /the archive of /],
          [gzipSync(yield* tar([])), /the archive of .* holds no files/],
          [gzipSync(yield* tar([["a", "1"], ["./a", "2"]])), /the archive of .* holds a twice/],
          [
            gzipSync(yield* tar(Array.from({ length: 1025 }, (_, i) => [`f${i}`, "x"] as const))),
            /the archive of .* holds too many files/
          ]
        ] as const
      ) assert.match(String(yield* taken(content)), expected)
    }).pipe(Effect.provide(Layer.merge(NodeHttpClient.layerUndici, NodeServices.layer))), 60_000)

  it.live(
    "is fetched from where the engine says, without the key where that is somebody else",
    () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const { join } = yield* Path.Path
        const at = yield* fs.makeTempDirectoryScoped()
        const content = gzipSync(yield* tar([["adapter_config.json", "{}"]]))
        const keys: Array<readonly [string, unknown]> = []
        const store = yield* serving((request, response) => {
          keys.push(["store", request.headers["x-api-key"]])
          response.end(content)
        })
        const engine = yield* serving((request, response) => {
          keys.push(["engine", request.headers["x-api-key"]])
          // The name without its kind is not known here.
          if (request.url?.endsWith("/sampler_weights/n/archive") !== true) return void response.writeHead(404).end()
          response.writeHead(302, { location: `${store.baseUrl}/signed` }).end()
        })
        const options = { baseUrl: engine.baseUrl, apiKey: Redacted.make("secret"), maxBytes: MAX_BYTES }
        yield* Archive.download("tinker://m/sampler_weights/n", join(at, "model"), options)
        assert.deepStrictEqual(keys, [["engine", "secret"], ["engine", "secret"], ["store", undefined]])
        for (
          const [path, expected] of [
            ["tinker://m/other/x", /the engine has no archive of tinker:\/\/m\/other\/x: its weights stay there/],
            ["/somewhere", /the engine saved weights as "\/somewhere", expected tinker:\/\/MODEL\/NAME/]
          ] as const
        ) {
          const error = yield* Effect.flip(Archive.download(path, join(at, "other"), options))
          assert.match(error.message, expected)
        }
        const again = yield* Effect.flip(Archive.download("tinker://m/sampler_weights/n", join(at, "model"), options))
        assert.match(again.message, /exists already: choose another name/)
      }).pipe(Effect.scoped, Effect.provide(Layer.merge(NodeHttpClient.layerUndici, NodeServices.layer))),
    300_000
  )
})
