/** Weights that an engine gives away: a tar.gz behind a redirect, with the files of a PEFT adapter. */
import { Effect, FileSystem, Path, type Redacted } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { gunzip } from "node:zlib"
import { extract } from "tar-stream"
import * as Connection from "../http/Connection.ts"
import { PolicyError } from "../Policy.ts"
import { authorised } from "./Transport.ts"

export interface Options {
  readonly baseUrl: string
  readonly apiKey: Redacted.Redacted<string> | undefined
  /** Largest archive, packed and unpacked, in bytes. */
  readonly maxBytes: number
}

/** Some engines name the kind of what was saved, some do not. */
const Location = /^tinker:\/\/([^/]+)\/(?:([^/]+)\/)?([^/]+)$/

const failed = (reason: string, cause?: unknown) => new PolicyError({ operation: "save", reason, cause })

const unzip = (bytes: Uint8Array, maxBytes: number) =>
  Effect.callback<Uint8Array, PolicyError>((resume) =>
    gunzip(
      bytes,
      { maxOutputLength: maxBytes },
      (error, plain) =>
        resume(error === null ? Effect.succeed(plain) : Effect.fail(failed(`the archive: ${error.message}`, error)))
    )
  )

/** Files by their plain names: what lies in folders, or is no file, is left where it is. */
const files = (plain: Uint8Array) =>
  Effect.tryPromise({
    try: async () => {
      const found = new Map<string, Uint8Array>()
      const entries = extract()
      entries.end(plain)
      for await (const entry of entries) {
        const chunks: Array<Uint8Array> = []
        for await (const chunk of entry) if (chunk instanceof Uint8Array) chunks.push(chunk)
        const name = entry.header.name.replace(/^(\.\/)+/, "")
        if (entry.header.type === "file" && /^[\w.-]+$/.test(name) && !name.startsWith(".")) {
          found.set(name, Buffer.concat(chunks))
        }
      }
      return found
    },
    catch: (cause) => failed(`the archive is no tar: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
  })

/** Downloads what was saved under `path` for sampling. */
export const download = Effect.fnUntraced(function*(path: string, { apiKey, baseUrl, maxBytes }: Options) {
  const http = yield* HttpClient.HttpClient
  const [, model, kind = "sampler_weights", name] = Location.exec(path) ?? []
  if (model === undefined || name === undefined) {
    return yield* failed(`the engine saved weights as "${path}", expected tinker://MODEL/NAME`)
  }
  const get = (url: string) => {
    const own = new URL(url).origin === new URL(baseUrl).origin
    const request = HttpClientRequest.get(url)
    // A store of files is somebody else: it is not shown the key.
    return http.execute(own ? authorised(apiKey)(request) : request).pipe(
      Effect.mapError((cause) => failed(`${new URL(url).origin}: the download failed`, cause))
    )
  }
  for (const id of [name, `${kind}/${name}`]) {
    let response = yield* get(`${baseUrl}/api/v1/training_runs/${model}/checkpoints/${id}/archive`)
    for (let hops = 0; response.status >= 300 && response.status < 400 && hops < 4; hops++) {
      const to = response.headers["location"]
      if (to === undefined || !URL.canParse(to, baseUrl)) return yield* failed("the archive's redirect leads nowhere")
      response = yield* get(new URL(to, baseUrl).href)
    }
    if (response.status === 404) continue
    if (response.status !== 200) return yield* failed(`the archive of ${path}: the server answered ${response.status}`)
    const packed = yield* Connection.read(response, maxBytes, {
      broken: (cause) => failed("the archive broke off", cause),
      tooLarge: () => failed(`the archive is larger than ${maxBytes} bytes`)
    })
    return yield* Effect.flatMap(unzip(packed, maxBytes), files)
  }
  return yield* failed(`the engine has no archive of ${path}: its weights stay there`)
})

/** Writes files into a new directory, whole or not at all. */
export const write = Effect.fnUntraced(function*(directory: string, found: ReadonlyMap<string, Uint8Array>) {
  const fs = yield* FileSystem.FileSystem
  const { dirname, join, resolve } = yield* Path.Path
  const target = resolve(directory)
  const writing = Effect.mapError((cause: { readonly message: string }) =>
    failed(`${directory} cannot be written: ${cause.message}`, cause)
  )
  if (yield* writing(fs.exists(target))) return yield* failed(`${directory} exists already: choose another name`)
  yield* writing(fs.makeDirectory(dirname(target), { recursive: true }))
  const temporary = `${target}.${crypto.randomUUID()}.tmp`
  yield* Effect.addFinalizer(() => Effect.ignore(fs.remove(temporary, { recursive: true, force: true })))
  yield* writing(fs.makeDirectory(temporary))
  for (const [name, bytes] of found) yield* writing(fs.writeFile(join(temporary, name), bytes))
  yield* writing(fs.rename(temporary, target))
}, Effect.scoped)
