/** Bytes against those of the protocol's own SDK (`test/fixtures/tinkerWire.py`). */
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as Json from "../../../src/policy/tinker/Json.ts"
import * as Protobuf from "../../../src/policy/tinker/Protobuf.ts"
import type { ForwardBackward } from "../../../src/policy/tinker/Wire.ts"
import * as Messages from "./messages.ts"

const fixture = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../fixtures/tinkerWire/${name}`, import.meta.url)))
const expected = JSON.parse(fixture("expected.json").toString())

const floats = (...data: ReadonlyArray<number>) => ({ dtype: "float32" as const, data: Float32Array.from(data) })
const ints = (...data: ReadonlyArray<number>) => ({ dtype: "int64" as const, data: Int32Array.from(data) })

const request: ForwardBackward = {
  modelId: "model_1",
  seqId: 300,
  lossFn: "importance_sampling",
  forwardOnly: false,
  data: [
    {
      chunks: [
        { type: "text", tokens: Int32Array.of(1, 2, 151652) },
        { type: "image", data: Buffer.from("\x89PNG\r\n", "latin1"), format: "png", tokens: 16 },
        { type: "text", tokens: Int32Array.of(151653, 7, -1) }
      ],
      // In the order in which the SDK's library sorts them.
      inputs: {
        advantages: floats(0, 0, 3.5, -1e-7),
        logprobs: floats(0, 0, -1.5, -0.25),
        target_tokens: ints(2, 151652, 5, 2 ** 31 - 1)
      }
    },
    {
      chunks: [{ type: "text", tokens: Int32Array.of(9) }],
      inputs: { advantages: floats(1), logprobs: floats(-2), target_tokens: ints(8) }
    }
  ]
}

const Byte = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))

describe("the wire of the Tinker protocol", () => {
  it("writes requests as the SDK does, byte for byte", () => {
    assert.strictEqual(
      Buffer.from(Protobuf.forwardBackward(request)).toString("hex"),
      fixture("request.bin").toString("hex")
    )
    assert.deepStrictEqual(Messages.readRequest(fixture("request.bin")).data, request.data)
  })

  it("writes the settings of a loss as the SDK does", () => {
    const bounded: ForwardBackward = {
      ...request,
      seqId: 2,
      lossFn: "ppo",
      config: { clip_high_threshold: 1.3, clip_low_threshold: 0.8 },
      data: request.data.slice(1)
    }
    assert.strictEqual(
      Buffer.from(Protobuf.forwardBackward(bounded)).toString("hex"),
      fixture("bounded.bin").toString("hex")
    )
    assert.deepStrictEqual(Messages.readRequest(fixture("bounded.bin")).config, bounded.config)
    const { body } = Json.forwardBackward(bounded)
    assert.deepInclude(JSON.parse(JSON.stringify(body)).forward_backward_input, {
      loss_fn: "ppo",
      loss_fn_config: bounded.config
    })
    assert.notProperty(
      JSON.parse(JSON.stringify(Json.forwardBackward(request).body)).forward_backward_input,
      "loss_fn_config"
    )
  })

  it("reads answers as the SDK does: several records, bfloat16, texts without log-probabilities", () => {
    const passed = Result.getOrThrow(Protobuf.readPassed(fixture("passed.bin")))
    assert.deepStrictEqual(
      { logprobs: passed.logprobs.map((values) => [...values]), metrics: passed.metrics },
      expected.passed
    )
    const { sequences } = Result.getOrThrow(Protobuf.readSampled(fixture("sampled.bin")))
    assert.deepStrictEqual(
      sequences.map(({ logprobs, stop, tokens }) => ({
        stop,
        tokens: [...tokens],
        logprobs: logprobs === undefined ? null : [...logprobs]
      })),
      expected.sampled
    )
  })

  it("says the same in JSON", () => {
    const { body, path } = Json.forwardBackward(request)
    assert.strictEqual(path, "forward_backward")
    const { data } = JSON.parse(JSON.stringify(body)).forward_backward_input
    assert.deepStrictEqual(data[0].model_input.chunks[1], {
      type: "image",
      data: Buffer.from("\x89PNG\r\n", "latin1").toString("base64"),
      format: "png",
      expected_tokens: 16
    })
    assert.deepStrictEqual(data[0].loss_fn_inputs.target_tokens, {
      data: [2, 151652, 5, 2147483647],
      dtype: "int64",
      shape: [4]
    })
    const read = Json.readSampled({
      sequences: [{ stop_reason: "length", tokens: [1, 2], logprobs: [-0.5, null] }]
    })
    assert.deepStrictEqual(Result.getOrThrow(read).sequences.map(({ logprobs }) => [...logprobs ?? []]), [[-0.5, NaN]])
    for (const token of [-1, 2 ** 31, 0.5]) {
      const wrong = Json.readSampled({ sequences: [{ stop_reason: "stop", tokens: [token] }] })
      assert.isTrue(Result.isFailure(wrong), String(token))
    }
  })

  it.prop(
    "takes no bytes at their word: every damaged answer is read or refused",
    [Schema.Array(Schema.Tuple([Byte, Byte])), Byte],
    ([changes, cut]) => {
      const refused = (name: string, read: (bytes: Uint8Array) => Result.Result<unknown, Protobuf.Malformed>) => {
        const whole = fixture(name)
        const bytes = Uint8Array.from(whole.subarray(0, whole.length - cut % 40))
        for (const [at, value] of changes) bytes[at % bytes.length] = value
        const result = read(bytes)
        if (Result.isFailure(result)) assert.isString(result.failure.reason)
      }
      refused("passed.bin", Protobuf.readPassed)
      refused("sampled.bin", Protobuf.readSampled)
    },
    { arbitrary: { runs: 1000 } }
  )
})
