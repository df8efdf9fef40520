/** The server's side of the protobuf messages: requests read, answers written. */
import { PbfReader, PbfWriter } from "pbf"
import type { Chunk, Datum, Sequence, Tensor } from "../../../src/policy/tinker/Wire.ts"

export interface Request {
  readonly modelId: string
  readonly seqId: number
  readonly data: ReadonlyArray<Datum>
  readonly lossFn: string
  readonly config: Readonly<Record<string, number>>
  readonly forwardOnly: boolean
}

const copy = (bytes: Uint8Array): ArrayBuffer => {
  const buffer = new ArrayBuffer(bytes.length)
  new Uint8Array(buffer).set(bytes)
  return buffer
}

const readTensor = (pbf: PbfReader): Tensor => {
  const { dtype, raw } = pbf.readMessage((tag, into: { dtype: number; raw: Uint8Array }, pbf) => {
    if (tag === 1) into.raw = pbf.readBytes()
    else if (tag === 3) into.dtype = pbf.readVarint()
  }, { dtype: 0, raw: new Uint8Array(0) })
  if (dtype === 1) return { dtype: "float32", data: new Float32Array(copy(raw)) }
  if (dtype === 2) return { dtype: "int64", data: Int32Array.from(new BigInt64Array(copy(raw)), Number) }
  throw new Error(`dtype ${dtype}`)
}

const readChunk = (pbf: PbfReader): Chunk => {
  let chunk: Chunk | undefined
  pbf.readMessage((tag, _, pbf) => {
    if (tag === 1) {
      pbf.readMessage((tag, _, pbf) => {
        if (tag === 1) chunk = { type: "text", tokens: new Int32Array(copy(pbf.readBytes())) }
      }, undefined)
    } else if (tag === 2) {
      const image = pbf.readMessage((tag, into: { data: Uint8Array; format: string; tokens: number }, pbf) => {
        if (tag === 1) into.data = pbf.readBytes()
        else if (tag === 2) into.format = pbf.readString()
        else if (tag === 3) into.tokens = pbf.readVarint()
      }, { data: new Uint8Array(0), format: "", tokens: 0 })
      chunk = {
        type: "image",
        data: image.data,
        format: image.format === "jpeg" ? "jpeg" : "png",
        tokens: image.tokens
      }
    }
  }, undefined)
  if (chunk === undefined) throw new Error("a chunk of neither kind")
  return chunk
}

export const readRequest = (bytes: Uint8Array): Request => {
  const data: Array<Datum> = []
  const config: Record<string, number> = {}
  const request = { modelId: "", seqId: 0, lossFn: "", forwardOnly: false }
  new PbfReader(bytes).readFields((tag, _, pbf) => {
    if (tag === 1) request.modelId = pbf.readString()
    else if (tag === 2) request.seqId = pbf.readVarint()
    else if (tag === 3) {
      const chunks: Array<Chunk> = []
      const inputs: Record<string, Tensor> = {}
      pbf.readMessage((tag, _, pbf) => {
        if (tag === 1) chunks.push(readChunk(pbf))
        else if (tag === 2) {
          let [name, value]: [string, Tensor | undefined] = ["", undefined]
          pbf.readMessage((tag, _, pbf) => {
            if (tag === 1) name = pbf.readString()
            else if (tag === 2) value = readTensor(pbf)
          }, undefined)
          if (value !== undefined) inputs[name] = value
        }
      }, undefined)
      data.push({ chunks, inputs })
    } else if (tag === 4) request.lossFn = pbf.readString()
    else if (tag === 5) {
      let [name, value] = ["", 0]
      pbf.readMessage((tag, _, pbf) => {
        if (tag === 1) name = pbf.readString()
        else if (tag === 2) value = pbf.readDouble()
      }, undefined)
      config[name] = value
    } else if (tag === 6) request.forwardOnly = pbf.readBoolean()
  }, undefined)
  return { ...request, config, data }
}

const bytesOf = ({ buffer, byteLength, byteOffset }: Float32Array | Int32Array | BigInt64Array) =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** One record that holds all sequences, as the hosted engine writes it. */
export const passed = (
  logprobs: ReadonlyArray<Float32Array>,
  metrics: Readonly<Record<string, number>>
): Uint8Array => {
  const offsets = [0]
  for (const { byteLength } of logprobs) offsets.push(offsets.at(-1)! + byteLength)
  const all = new Float32Array(offsets.at(-1)! / 4)
  logprobs.forEach((values, i) => all.set(values, offsets[i]! / 4))
  const pbf = new PbfWriter()
  pbf.writeStringField(1, "TorchLossReturn")
  pbf.writeMessage(2, (_, pbf) => {
    pbf.writeMessage(2, (_, pbf) => {
      pbf.writeStringField(1, "logprobs")
      pbf.writeMessage(2, (_, pbf) => {
        pbf.writeBytesField(1, bytesOf(all))
        pbf.writeBytesField(2, bytesOf(BigInt64Array.from(offsets, BigInt)))
        pbf.writeVarintField(3, 1)
      }, undefined)
    }, undefined)
    pbf.writeVarintField(3, logprobs.length)
  }, undefined)
  for (const [name, value] of Object.entries(metrics)) {
    pbf.writeMessage(3, (_, pbf) => {
      pbf.writeStringField(1, name)
      pbf.writeDoubleField(2, value)
    }, undefined)
  }
  return pbf.finish()
}

export const sampled = (sequences: ReadonlyArray<Sequence>): Uint8Array => {
  const pbf = new PbfWriter()
  for (const { logprobs, stop, tokens } of sequences) {
    pbf.writeMessage(1, (_, pbf) => {
      pbf.writeVarintField(1, stop === "stop" ? 0 : 1)
      pbf.writeBytesField(2, bytesOf(tokens))
      if (logprobs !== undefined) pbf.writeBytesField(3, bytesOf(logprobs))
    }, undefined)
  }
  return pbf.finish()
}
