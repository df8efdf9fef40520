/** Weights that an engine gives away: a tar.gz behind a redirect, with the files of a PEFT adapter. */
import { Effect, FileSystem, Path, type Redacted, Stream } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { pipeline } from "node:stream/promises"
import { createGunzip } from "node:zlib"
import { extract, type Header } from "tar-stream"
import { makeFolder } from "../../kernels/runtime/makeFolder.ts"
import { PolicyError } from "../Policy.ts"
import { WeightsStay } from "../WeightsStay.ts"
import { authorised } from "./Transport.ts"

export interface Options {
  readonly baseUrl: string
  readonly apiKey: Redacted.Redacted<string> | undefined
  /** Largest archive, packed and unpacked, in bytes. */
  readonly maxBytes: number
}

/** Some engines name the kind of what was saved, some do not. */
const Location = /^tinker:\/\/([^/]+)\/(?:([^/]+)\/)?([^/]+)$/

/** More than any adapter or model has. */
const MOST_FILES = 1024

const failed = (reason: string, cause?: unknown) => new PolicyError({ operation: "save", reason, cause })

/** How servers say that they know no such request. */
const unknown: ReadonlySet<number> = new Set([404, 405, 501])

/** A file by its plain name: what lies in folders, or is no file, is left where it is. */
const nameOf = ({ name, type }: Header): string | undefined => {
  const plain = name.replace(/^(\.\/)+/, "")
  return type === "file" && /^[\w.-]+$/.test(plain) && !plain.startsWith(".") ? plain : undefined
}

/** Passes on so many bytes and no more. */
const bounded = (maxBytes: number) =>
  async function*(chunks: AsyncIterable<Uint8Array>) {
    let left = maxBytes
    for await (const chunk of chunks) {
      left -= chunk.length
      if (left < 0) throw new Error(`it is larger than ${maxBytes} bytes`)
      yield chunk
    }
  }

/** The files of a tar.gz, piece by piece: an archive may be larger than memory, or pretend to be small. */
async function* pieces(packed: AsyncIterable<Uint8Array>, maxBytes: number) {
  const entries = extract()
  const through = pipeline(packed, bounded(maxBytes), createGunzip(), bounded(maxBytes), entries)
  // What goes wrong there ends the entries, too.
  through.catch(() => undefined)
  for await (const entry of entries) {
    const name = nameOf(entry.header)
    if (name === undefined) {
      entry.resume()
      continue
    }
    yield { name, first: true, bytes: new Uint8Array(0) }
    for await (const chunk of entry) {
      if (chunk instanceof Uint8Array) yield { name, first: false, bytes: chunk }
    }
  }
  await through
}

/** Asks for what was saved under `path` for sampling. */
const asked = Effect.fnUntraced(function*(path: string, { apiKey, baseUrl }: Options) {
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
    if (unknown.has(response.status)) continue
    if (response.status === 200) return response
    return yield* failed(`the archive of ${path}: the server answered ${response.status}`)
  }
  const stays = new WeightsStay({ path })
  return yield* failed(stays.message, stays)
})

/** Downloads what was saved under `path` for sampling into a new directory, whole or not at all. */
export const download = Effect.fnUntraced(function*(path: string, directory: string, options: Options) {
  const fs = yield* FileSystem.FileSystem
  const { dirname, join, resolve } = yield* Path.Path
  const target = resolve(directory)
  const writing = Effect.mapError((cause: { readonly message: string }) =>
    failed(`${directory} cannot be written: ${cause.message}`, cause)
  )
  if (yield* writing(fs.exists(target))) return yield* failed(`${directory} exists already: choose another name`)
  const response = yield* asked(path, options)
  yield* writing(makeFolder(dirname(target)))
  const temporary = `${target}.${crypto.randomUUID()}.tmp`
  yield* Effect.addFinalizer(() => Effect.ignore(fs.remove(temporary, { recursive: true, force: true })))
  yield* writing(makeFolder(temporary))
  const found = new Set<string>()
  const packed = yield* Stream.toAsyncIterableEffect(response.stream)
  yield* Stream.fromAsyncIterable(
    pieces(packed, options.maxBytes),
    (cause) => failed(`the archive of ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
  ).pipe(Stream.runForEach(({ bytes, first, name }) => {
    if (first && (found.has(name) || found.size >= MOST_FILES)) {
      return Effect.fail(failed(`the archive of ${path} holds ${found.has(name) ? `${name} twice` : "too many files"}`))
    }
    found.add(name)
    return writing(fs.writeFile(join(temporary, name), bytes, { flag: first ? "wx" : "a" }))
  }))
  if (found.size === 0) return yield* failed(`the archive of ${path} holds no files`)
  yield* writing(fs.rename(temporary, target))
}, Effect.scoped)
