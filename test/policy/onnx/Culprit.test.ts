/** One weight that is no number is named, wherever it is; a sound model is never suspected. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { ModelDirectory, Safetensors } from "../../../src/kernels/weights/index.ts"
import { NotFinite, OnnxPolicy, Policy, type SampleOptions } from "../../../src/policy/index.ts"
import * as Model from "../../../src/policy/onnx/Model.ts"
import { sharing } from "../workers.ts"

const runtime = sharing()

const fixture = "test/fixtures/parity/qwen2.5-vl"

const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "culprit-"))),
  (dir) => Effect.sync(() => fs.rmSync(dir, { recursive: true }))
)

/** A copy of the fixture in float32, which sessions map as it is. */
const copied = Effect.gen(function*() {
  const directory = `${yield* folder}/model`
  const { tensors } = yield* ModelDirectory.open(fixture)
  yield* ModelDirectory.save(
    directory,
    { from: fixture },
    [...tensors].map(([name, { header, info: { shape } }]) => (
      { name, shape, data: Safetensors.readFloat32(header, name) }
    ))
  )
  return directory
})

/** Overwrites one value of a tensor, the one at a share of its length; where that is. */
const plant = Effect.fnUntraced(function*(directory: string, name: string, share: number, value: number) {
  const { tensors } = yield* ModelDirectory.open(directory)
  const { header, info } = tensors.get(name)!
  const count = (info.end - info.begin) / 4
  const at = Math.min(count - 1, Math.floor(share * count))
  const handle = fs.openSync(header.path, "r+")
  const before = new Uint8Array(4)
  fs.readSync(handle, before, 0, 4, info.begin + 4 * at)
  const write = (bytes: Uint8Array) => fs.writeSync(handle, bytes, 0, 4, info.begin + 4 * at)
  write(new Uint8Array(Float32Array.of(value).buffer))
  const width = info.shape.at(-1) ?? 1
  return {
    column: at % width,
    restore: () => {
      write(before)
      fs.closeSync(handle)
    }
  }
})

const drawn = (model: string, options: Partial<OnnxPolicy.Options>, sampling: Partial<SampleOptions> = {}) =>
  Effect.provide(
    Effect.scoped(
      Effect.gen(function*() {
        const policy = yield* Policy
        const session = yield* policy.session
        const requests = [{ key: "test/0", prompt: { images: [], text: "What is a party?" } }]
        const groups = yield* session.sample(requests, { count: 2, maxTokens: 4, ...sampling })
        yield* session.logprobs(groups[0]!.map(({ tokens }) => ({ prompt: requests[0]!.prompt, tokens })))
        return groups
      })
    ),
    OnnxPolicy.layer({ model, seed: 5, ...options }).pipe(
      Layer.provide(runtime(1)),
      Layer.provideMerge(NodeServices.layer)
    )
  )

describe("one weight that is no number", () => {
  it.effect(
    "is named where weights are loaded, whichever it is",
    () =>
      Effect.gen(function*() {
        const directory = yield* copied
        const names = [...(yield* ModelDirectory.open(directory)).tensors.keys()]
        const random = Keyed.stream(1, "plant")
        for (let i = 0; i < 40; i++) {
          const name = names[random.int(names.length)]!
          const value = [NaN, Infinity, -Infinity][random.int(3)]!
          const { column, restore } = yield* plant(directory, name, random.next(), value)
          const error = yield* Effect.flip(Model.load(directory, { trainable: "all", seed: 0 }))
          restore()
          assert.include(error.message, `tensor "${name}": holds a value that is not finite (found ${value} at [`)
          assert.match(error.message, new RegExp(`${column}\\]`))
        }
        yield* Model.load(directory, { trainable: "all", seed: 0 })
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    300_000
  )

  it.effect(
    "is named by what it ruins, where weights are mapped and never read as a whole",
    () =>
      Effect.gen(function*() {
        const directory = yield* copied
        // Between the places that opening looks at.
        const { restore } = yield* plant(directory, "lm_head.weight", 0.25, NaN)
        for (
          const options of [{ mapWeights: true, trainable: "none" }, { mapWeights: true, lora: { rank: 2 } }] as const
        ) {
          const error = yield* Effect.flip(drawn(directory, options))
          assert.strictEqual(error._tag, "PolicyError")
          assert.instanceOf(error.cause, NotFinite)
          assert.match(error.message, /^policy sample: at step 0 of sample "test\/0", candidate 0, the logits are not/)
          assert.include(error.message, `tensor "lm_head.weight": holds a value that is not finite`)
          assert.include(error.message, "found NaN at [208, 0]")
        }
        restore()
        yield* drawn(directory, { mapWeights: true, trainable: "none" })
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    300_000
  )
})

describe("a sound model", () => {
  const Share = Schema.Number.check(Schema.isBetween({ minimum: 0, maximum: 1 }))
  it.effect.prop(
    "makes numbers at every temperature and every nucleus",
    [Share, Share],
    ([heat, mass]) =>
      // From 0.00001 to 100.
      Effect.asVoid(drawn(fixture, {}, { temperature: 10 ** (7 * heat - 5), topP: Math.max(1e-6, mass) })),
    { arbitrary: { runs: 8 }, timeout: 300_000 }
  )
})
