/** What a server says of itself before there is a model: which ones it has, and how much goes into a request. */
import { Effect, Option, Schema } from "effect"
import * as Futures from "./Futures.ts"
import { SDK_VERSION } from "./Lasting.ts"
import * as Settings from "./Settings.ts"
import type { Answer, Transport } from "./Transport.ts"

const Capable = Schema.fromJsonString(Schema.Struct({
  supported_models: Schema.optional(Schema.NullOr(Schema.Array(Schema.Struct({
    model_name: Schema.optional(Schema.NullOr(Schema.String))
  }))))
}))

const Positive = Schema.Int.check(Schema.isGreaterThan(0))
const Limits = Schema.Struct({
  fwdbwd_max_chunk_len: Schema.optional(Schema.NullOr(Positive)),
  fwdbwd_max_chunk_bytes_count: Schema.optional(Schema.NullOr(Positive))
})

/** Names of base models in an answer; none where it is no list of them. */
export const namesIn = ({ bytes, status }: Answer): Option.Option<ReadonlyArray<string>> =>
  status !== 200 ? Option.none() : Option.map(
    Schema.decodeUnknownOption(Capable)(Buffer.from(bytes).toString("utf8")),
    ({ supported_models: all }) => (all ?? []).flatMap(({ model_name: name }) => name ?? [])
  )

/** Names of base models; empty where the server does not say. */
export const models = (transport: Transport) =>
  transport.send({ method: "GET", path: "get_server_capabilities", accept: Futures.json, key: "capabilities" }).pipe(
    Effect.map((answer) => Option.getOrElse(namesIn(answer), (): ReadonlyArray<string> => []))
  )

/** The largest part of an update that one request may carry; what the SDK takes, where the server names no limit. */
export const limits = (futures: Futures.Futures) =>
  Effect.map(
    Effect.option(futures.call({ path: "client/config", body: { sdk_version: SDK_VERSION }, key: "config" }, Limits)),
    Option.match({
      onNone: () => Settings.defaults.request,
      onSome: ({ fwdbwd_max_chunk_bytes_count: bytes, fwdbwd_max_chunk_len: data }) => ({
        data: data ?? Settings.defaults.request.data,
        bytes: bytes ?? Settings.defaults.request.bytes
      })
    })
  )
