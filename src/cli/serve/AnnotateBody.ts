/**
 * `/annotate`: a picture as a form's file, as the body itself or as a data URL in JSON, with its question where the
 * task asks one.
 */
import { Effect, Option, Result, Schema, Stream } from "effect"
import { type HttpServerRequest, Multipart, UrlParams } from "effect/http"
import type * as Image from "../../kernels/image/Image.ts"
import { show } from "../../kernels/text/show.ts"
import * as Body from "./Body.ts"
import * as Fault from "./Fault.ts"
import * as Picture from "./Picture.ts"

/** What is asked. */
export interface Asked {
  readonly image: Image.Image
  /** As the client calls the picture. */
  readonly name: string | undefined
  readonly question: string | undefined
}

const Json = Schema.Struct({
  image: Schema.String,
  name: Schema.optional(Schema.NullOr(Schema.String)),
  question: Schema.optional(Schema.NullOr(Schema.String))
})
const decode = Schema.decodeUnknownResult(Json, { onExcessProperty: "error" })

const ways = "a picture as the body (image/png, …), a form with the file \"image\" (multipart/form-data), or JSON " +
  "{ image: \"data:image/png;base64,…\", question }"

const ofJson = Effect.fnUntraced(function*(bytes: Uint8Array) {
  const read = decode(yield* Body.json(bytes))
  if (Result.isFailure(read)) {
    return yield* Fault.invalid(`${read.failure.message.replaceAll(/\s+/g, " ").slice(0, 200)}: expected ${ways}`)
  }
  const { image, name, question } = read.success
  const asked: Asked = {
    image: yield* Picture.ofUrl(image, "image"),
    name: name ?? undefined,
    question: question ?? undefined
  }
  return asked
})

/** A field of a form, or a file with its name. */
interface Part {
  readonly key: string
  readonly value: string
  readonly file: Uint8Array | undefined
}

const ofForm = Effect.fnUntraced(function*(bytes: Uint8Array, headers: Readonly<Record<string, string>>) {
  const broken = Fault.invalid(`the form cannot be read: expected ${ways}`, null, "invalid_form")
  const parts = yield* Stream.fromIterable([bytes]).pipe(
    Stream.pipeThroughChannel(Multipart.makeChannel(headers)),
    Stream.mapEffect((part): Effect.Effect<Part, Multipart.MultipartError> =>
      Multipart.isField(part)
        ? Effect.succeed({ key: part.key, value: part.value, file: undefined })
        : Effect.map(part.contentEffect, (file) => ({ key: part.key, value: part.name, file }))
    ),
    Stream.runCollect,
    Effect.mapError(() => broken)
  )
  const files = parts.flatMap(({ file, key, value }) => file === undefined ? [] : [{ file, key, name: value }])
  const odd = parts.find(({ file, key }) => key !== (file === undefined ? "question" : "image"))
  if (odd !== undefined) {
    return yield* Fault.invalid(`the form has ${show(odd.key, 60)}, expected the file "image" and "question"`, odd.key)
  }
  const [first, more] = files
  if (first === undefined || more !== undefined) {
    return yield* Fault.invalid(`the form has ${files.length} files, expected one, named "image"`, "image")
  }
  const asked: Asked = {
    image: Picture.ofBytes(first.file),
    name: first.name === "" ? undefined : first.name,
    question: parts.find(({ file }) => file === undefined)?.value
  }
  return asked
})

/** The question in the address, `?question=`: the body's own may say the same, and nothing else. */
const withAddress = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest, asked: Asked) {
  const query = UrlParams.fromInput(new URL(request.url, "http://localhost").searchParams)
  const question = Option.getOrUndefined(UrlParams.getFirst(query, "question"))
  if (question === undefined || question === asked.question) return asked
  if (asked.question === undefined) return { ...asked, question }
  return yield* Fault.invalid("the body and the address ask two questions: leave one of them out", "question")
})

const ofBody = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest, bytes: Uint8Array) {
  const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? ""
  if (type === "application/json") return yield* ofJson(bytes)
  if (type === "multipart/form-data") return yield* ofForm(bytes, request.headers)
  if (type.startsWith("image/") || type === "application/octet-stream") {
    if (bytes.length === 0) return yield* Fault.invalid(`the body is empty, expected ${ways}`, null, "invalid_image")
    const asked: Asked = { image: Picture.ofBytes(bytes), name: undefined, question: undefined }
    return asked
  }
  return yield* Fault.invalid(
    `the content type is ${show(type, 60)}, expected ${ways}`,
    "content-type",
    "unsupported_media_type",
    415
  )
})

/** Reads what is asked of a request whose body has come. */
export const read = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest, bytes: Uint8Array) {
  return yield* withAddress(request, yield* ofBody(request, bytes))
})
