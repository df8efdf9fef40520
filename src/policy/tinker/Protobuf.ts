/**
 * The Tinker protocol's own spelling: `tinker_public.proto` of its SDK, the messages that are used here. Numbers travel
 * as raw little-endian bytes.
 */
import { Result } from "effect"
import { PbfReader, PbfWriter } from "pbf"
import type { Chunk, Datum, ForwardBackward, Passed, Sampled, Sequence, Tensor } from "./Wire.ts"

/** What the `DType` numbers stand for, with the bytes of an element. */
const dtypes = {
  float32: { code: 1, bytes: 4 },
  int64: { code: 2, bytes: 8 },
  int32: { code: 3, bytes: 4 },
  bfloat16: { code: 4, bytes: 2 }
} as const

/** A message that is not what the protocol says. */
export interface Malformed {
  readonly reason: string
}

const bytesOf = ({ buffer, byteLength, byteOffset }: Int32Array | Float32Array | BigInt64Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

const dense = (tensor: Tensor): Uint8Array =>
  tensor.dtype === "float32" ? bytesOf(tensor.data) : bytesOf(BigInt64Array.from(tensor.data, BigInt))

const writeTensor = (tensor: Tensor, pbf: PbfWriter): void => {
  pbf.writeBytesField(1, dense(tensor))
  pbf.writeVarintField(3, dtypes[tensor.dtype].code)
  pbf.writePackedVarint(4, [tensor.data.length])
}

const writeChunk = (chunk: Chunk, pbf: PbfWriter): void => {
  if (chunk.type === "text") {
    pbf.writeMessage(1, (tokens: Int32Array, inner) => inner.writeBytesField(1, bytesOf(tokens)), chunk.tokens)
    return
  }
  pbf.writeMessage(2, ({ data, format, tokens }: Extract<Chunk, { readonly type: "image" }>, inner) => {
    inner.writeBytesField(1, data)
    inner.writeStringField(2, format)
    if (tokens > 0) inner.writeVarintField(3, tokens)
  }, chunk)
}

const writeEntry = ([name, tensor]: readonly [string, Tensor], pbf: PbfWriter): void => {
  pbf.writeStringField(1, name)
  pbf.writeMessage(2, writeTensor, tensor)
}

const writeDatum = ({ chunks, inputs }: Datum, pbf: PbfWriter): void => {
  for (const chunk of chunks) pbf.writeMessage(1, writeChunk, chunk)
  for (const entry of Object.entries(inputs)) pbf.writeMessage(2, writeEntry, entry)
}

const writeSetting = ([name, value]: readonly [string, number], pbf: PbfWriter): void => {
  pbf.writeStringField(1, name)
  pbf.writeDoubleField(2, value)
}

const writeValue = ([name, value]: readonly [string, number], pbf: PbfWriter): void => {
  pbf.writeStringField(1, name)
  pbf.writeMessage(2, (value: number, inner) => inner.writeDoubleField(1, value), value)
}

/** `ForwardBackwardRequest`. */
export const forwardBackward = (request: ForwardBackward): Uint8Array => {
  const pbf = new PbfWriter()
  pbf.writeStringField(1, request.modelId)
  pbf.writeVarintField(2, request.seqId)
  for (const datum of request.data) pbf.writeMessage(3, writeDatum, datum)
  pbf.writeStringField(4, request.lossFn)
  // As numbers, and as values that may be texts: servers read one or the other.
  const settings = Object.entries(request.config ?? {})
  for (const entry of settings) pbf.writeMessage(5, writeSetting, entry)
  if (request.forwardOnly) pbf.writeBooleanField(6, true)
  for (const entry of settings) pbf.writeMessage(7, writeValue, entry)
  return pbf.finish()
}

/** Bytes of a message may begin at any address; views of wider numbers may not. */
const aligned = (bytes: Uint8Array): ArrayBuffer => {
  const copy = new ArrayBuffer(bytes.length)
  new Uint8Array(copy).set(bytes)
  return copy
}

const floats = (bytes: Uint8Array): Float32Array => new Float32Array(aligned(bytes))
const ints = (bytes: Uint8Array): Int32Array => new Int32Array(aligned(bytes))

/** bfloat16 is the upper half of a float32. */
const fromBfloat16 = (bytes: Uint8Array): Float32Array =>
  new Float32Array(Uint32Array.from(new Uint16Array(aligned(bytes)), (half) => half << 16).buffer)

interface Batched {
  data: Uint8Array
  offsets: Uint8Array
  dtype: number
}

const empty = new Uint8Array(0)

const readBatched = (pbf: PbfReader): Batched =>
  pbf.readMessage((tag, into: Batched, pbf) => {
    if (tag === 1) into.data = pbf.readBytes()
    else if (tag === 2) into.offsets = pbf.readBytes()
    else if (tag === 3) into.dtype = pbf.readVarint()
  }, { data: empty, offsets: empty, dtype: 0 })

/** The numbers of each datum; their offsets count bytes. */
const split = ({ data, dtype, offsets }: Batched): ReadonlyArray<Float32Array> => {
  const [size, values] = dtype === dtypes.float32.code
    ? [dtypes.float32.bytes, floats(data)]
    : dtype === dtypes.bfloat16.code
    ? [dtypes.bfloat16.bytes, fromBfloat16(data)]
    : fail(`log-probabilities of dtype ${dtype}, expected float32 or bfloat16`)
  const at = Array.from(new BigInt64Array(aligned(offsets)), Number)
  return at.slice(1).map((end, i) => {
    const begin = at[i] ?? 0
    if (begin < 0 || end < begin || end > data.length || begin % size !== 0 || end % size !== 0) {
      return fail(`datum ${i} reaches from byte ${begin} to ${end} of ${data.length}`)
    }
    return values.slice(begin / size, end / size)
  })
}

const fail = (reason: string): never => {
  throw new Error(reason)
}

interface Named<A> {
  name: string
  value: A
}

const readNamed = <A>(pbf: PbfReader, none: A, read: (pbf: PbfReader) => A): Named<A> =>
  pbf.readMessage((tag, into: Named<A>, pbf) => {
    if (tag === 1) into.name = pbf.readString()
    else if (tag === 2) into.value = read(pbf)
  }, { name: "", value: none })

/** Reads hostile bytes: whatever goes wrong inside of it is a malformed message. */
const reading = <A>(bytes: Uint8Array, read: (pbf: PbfReader) => A): Result.Result<A, Malformed> =>
  Result.try({
    try: () => read(new PbfReader(bytes)),
    catch: (cause): Malformed => ({ reason: cause instanceof Error ? cause.message : String(cause) })
  })

/** `ForwardBackwardOutput`. */
export const readPassed = (bytes: Uint8Array): Result.Result<Passed, Malformed> =>
  reading(bytes, (pbf) => {
    const logprobs: Array<Float32Array> = []
    const metrics: Record<string, number> = {}
    pbf.readFields((tag, _, pbf) => {
      if (tag === 2) {
        pbf.readMessage((tag, _, pbf) => {
          if (tag !== 2) return
          const { name, value } = readNamed<Batched | undefined>(pbf, undefined, readBatched)
          if (name === "logprobs" && value !== undefined) { for (const own of split(value)) logprobs.push(own) }
        }, undefined)
      } else if (tag === 3) {
        const { name, value } = readNamed(pbf, 0, (pbf) => pbf.readDouble())
        metrics[name] = value
      }
    }, undefined)
    return { logprobs, metrics }
  })

const readSequence = (pbf: PbfReader): Sequence =>
  pbf.readMessage(
    (tag, into: { -readonly [K in keyof Sequence]: Sequence[K] }, pbf) => {
      if (tag === 1) {
        const code = pbf.readVarint()
        into.stop = code === 0 ? "stop" : code === 1 ? "length" : fail(`stop reason ${code}, expected 0 or 1`)
      } else if (tag === 2) into.tokens = ints(pbf.readBytes())
      else if (tag === 3) into.logprobs = floats(pbf.readBytes())
    },
    { stop: "stop", tokens: new Int32Array(0), logprobs: undefined }
  )

/** `SampleResponse`. */
export const readSampled = (bytes: Uint8Array): Result.Result<Sampled, Malformed> =>
  reading(bytes, (pbf) => {
    const sequences: Array<Sequence> = []
    pbf.readFields((tag, _, pbf) => void (tag === 1 && sequences.push(readSequence(pbf))), undefined)
    return { sequences }
  })
