/**
 * The Tinker protocol in JSON: all small calls, and passes and samples of servers that do not know protobuf (SkyRL 0.3,
 * Twinkle, Hatchery).
 */
import { Result, Schema } from "effect"
import type { Malformed } from "./Protobuf.ts"
import type { Chunk, Datum, ForwardBackward, Passed, Sampled, Tensor } from "./Wire.ts"

const chunk = (chunk: Chunk): Schema.Json =>
  chunk.type === "text"
    ? { type: "encoded_text", tokens: Array.from(chunk.tokens) }
    : {
      type: "image",
      data: Buffer.from(chunk.data).toString("base64"),
      format: chunk.format,
      ...(chunk.tokens > 0 && { expected_tokens: chunk.tokens })
    }

const tensor = ({ data, dtype }: Tensor): Schema.Json => ({ data: Array.from(data), dtype, shape: [data.length] })

const datum = ({ chunks, inputs }: Datum): Schema.Json => ({
  model_input: prompt(chunks),
  loss_fn_inputs: Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, tensor(value)]))
})

/** A prompt, as sampling asks for it. */
export const prompt = (chunks: ReadonlyArray<Chunk>) => ({ chunks: chunks.map(chunk) })

/** A pass: where it is sent, and what. */
export const forwardBackward = ({ config, data, forwardOnly, lossFn, modelId, seqId }: ForwardBackward) => ({
  path: forwardOnly ? "forward" : "forward_backward",
  body: {
    model_id: modelId,
    seq_id: seqId,
    [forwardOnly ? "forward_input" : "forward_backward_input"]: {
      data: data.map(datum),
      loss_fn: lossFn,
      ...(config !== undefined && { loss_fn_config: config })
    }
  }
})

/** Numbers, or a tensor of them. JSON knows no NaN: null is one. */
const Numbers = Schema.Array(Schema.NullOr(Schema.Number))
const Values = Schema.Union([Numbers, Schema.Struct({ data: Numbers })])

const PassedJson = Schema.Struct({
  loss_fn_outputs: Schema.Array(Schema.Record(Schema.String, Schema.Unknown)),
  metrics: Schema.optional(Schema.NullOr(Schema.Record(Schema.String, Schema.Unknown)))
})

/** What an Int32Array holds as it is. */
const Token = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 - 1 }))

const SampledJson = Schema.Struct({
  sequences: Schema.Array(Schema.Struct({
    stop_reason: Schema.Literals(["stop", "length"]),
    tokens: Schema.Array(Token),
    logprobs: Schema.optional(Schema.NullOr(Numbers))
  }))
})

const floats = (numbers: typeof Numbers.Type): Float32Array => Float32Array.from(numbers, (value) => value ?? NaN)

/** A value that follows a schema. */
export const decoded = <A>(schema: Schema.ConstraintDecoder<A>, json: unknown): Result.Result<A, Malformed> =>
  Result.mapError(Schema.decodeUnknownResult(schema)(json), ({ message }) => ({ reason: message }))

/** The numbers of a record. */
export const numberEntries = (record: Readonly<Record<string, unknown>> | null | undefined) =>
  Object.fromEntries(
    Object.entries(record ?? {}).filter((entry): entry is [string, number] => typeof entry[1] === "number")
  )

/** What a pass tells. */
export const readPassed = (json: unknown): Result.Result<Passed, Malformed> =>
  Result.gen(function*() {
    const { loss_fn_outputs: outputs, metrics } = yield* decoded(PassedJson, json)
    const logprobs: Array<Float32Array> = []
    for (const { logprobs: found } of outputs) {
      if (found === undefined) continue
      const values = yield* decoded(Values, found)
      logprobs.push(floats("data" in values ? values.data : values))
    }
    return { logprobs, metrics: numberEntries(metrics) }
  })

/** What was drawn. */
export const readSampled = (json: unknown): Result.Result<Sampled, Malformed> =>
  Result.map(decoded(SampledJson, json), ({ sequences }) => ({
    sequences: sequences.map(({ logprobs, stop_reason, tokens }) => ({
      stop: stop_reason,
      tokens: Int32Array.from(tokens),
      logprobs: logprobs == null ? undefined : floats(logprobs)
    }))
  }))
