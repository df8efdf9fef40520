/**
 * PEFT's adapter files: what PEFT wrote is read, what is written is what PEFT was seen to read, and the rest is refused
 * by name.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { readFileSync } from "node:fs"
import { Peft, Safetensors } from "../../../src/kernels/weights/index.ts"
import * as Adapter from "../../../src/policy/onnx/Adapter.ts"
import { folder, load, numbers, settings } from "../train/adapters.ts"
import { fingerprint } from "../train/fingerprint.ts"

const inTemporary = <A, E>(
  use: (directory: string) => Effect.Effect<A, E, FileSystem.FileSystem | NodeServices.NodeServices>
) =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    return yield* use(yield* fs.makeTempDirectoryScoped())
  })).pipe(Effect.provide(NodeServices.layer))

/** The fixture's adapter with other files. */
const changed = (change: {
  readonly config?: Readonly<Record<string, unknown>>
  readonly tensors?: (tensors: ReadonlyArray<Safetensors.NamedTensor>) => ReadonlyArray<Safetensors.NamedTensor>
}) =>
  inTemporary((directory) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const config: object = JSON.parse(readFileSync(`${folder("adapter")}/adapter_config.json`, "utf8"))
      yield* fs.writeFileString(`${directory}/adapter_config.json`, JSON.stringify({ ...config, ...change.config }))
      const header = yield* Safetensors.readHeader(`${folder("adapter")}/adapter_model.safetensors`)
      const tensors = yield* Effect.forEach(
        [...header.tensors],
        ([name, { shape }]) => Effect.map(Safetensors.readFloat32(header, name), (data) => ({ name, shape, data }))
      )
      yield* Safetensors.write(`${directory}/adapter_model.safetensors`, change.tensors?.(tensors) ?? tensors)
      return yield* Effect.flip(Adapter.make(settings, { adapter: directory }, 0))
    })
  )

describe("reading", () => {
  it.effect("takes rank, alpha, scaling and modules from the files", () =>
    Effect.gen(function*() {
      const { lora } = yield* load("stabilized")
      assert.deepStrictEqual(lora.modules, ["model.layers.1.self_attn.q_proj", "model.layers.1.mlp.down_proj"])
      assert.deepStrictEqual([lora.rank, lora.alpha, lora.rankStabilized, lora.dropout], [2, 4, true, 0])
    }))
  for (
    const [field, value] of [
      ["use_dora", true],
      ["bias", "all"],
      ["modules_to_save", ["lm_head"]],
      ["rank_pattern", { q_proj: 8 }],
      ["alpha_pattern", { q_proj: 8 }],
      ["layer_replication", [[0, 2]]],
      ["lora_bias", true],
      ["init_lora_weights", "pissa"],
      ["fan_in_fan_out", true],
      ["peft_type", "IA3"],
      ["trainable_token_indices", [1]],
      ["target_parameters", ["experts"]],
      ["a_field_of_tomorrow", true]
    ] as const
  ) {
    it.effect(`${field} ${JSON.stringify(value)} is refused by name`, () =>
      Effect.gen(function*() {
        const error = yield* changed({ config: { [field]: value } })
        assert.include(error.message, field)
        assert.include(error.message, JSON.stringify(value))
        assert.match(error.message, /Merge the adapter/)
      }))
  }

  for (
    const [field, values, expected] of [
      ["r", [0, -1, 1.5, 1e9, "8", null], "a whole number from 1 to 65536"],
      ["lora_alpha", [0, -1, "16", null], "a number above 0"],
      ["lora_dropout", [1, 1.5, -0.1, "none"], "a number in [0, 1)"],
      ["target_modules", [[], "", " ", {}, 3], "names of modules, or a pattern of them"]
    ] as const
  ) {
    it.effect(`${field} ${values.map((value) => JSON.stringify(value)).join(", ")} is impossible`, () =>
      Effect.forEach(values, (value) =>
        Effect.gen(function*() {
          const error = yield* changed({ config: { [field]: value } })
          assert.include(error.message, `adapter_config.json: ${field} is impossible`)
          assert.include(error.message, `expected ${expected}`)
          if (value !== null) assert.include(error.message, JSON.stringify(value))
        }), { discard: true }))
  }
  for (
    const [what, change, message] of [
      ["a factor alone", (tensors) => tensors.slice(1), /has no lora_A beside it/],
      [
        "another rank",
        (tensors) => tensors.map((t, i) => i === 0 ? { ...t, shape: [t.shape[0]! * 2, t.shape[1]! / 2] } : t),
        /does not have the rank of adapter_config\.json \(found \[8, /
      ],
      [
        "another width",
        (tensors) =>
          tensors.map((t) =>
            t.name.endsWith("0.self_attn.q_proj.lora_A.weight")
              ? { ...t, shape: [4, 16], data: new Float32Array(64) }
              : t
          ),
        /is \[4, 16\], this model asks for \[4, 32\]/
      ],
      [
        "a tensor of another kind",
        (tensors) => [...tensors, { name: "base_model.model.lm_head.weight", shape: [1], data: Float32Array.of(1) }],
        /"base_model\.model\.lm_head\.weight": is not supported/
      ],
      [
        "a module the model has not",
        (tensors) => tensors.map((t) => ({ ...t, name: t.name.replace("layers.1.", "layers.9.") })),
        /changes "model\.layers\.9\..*no linear layer of this model/
      ],
      ["nothing", () => [], /holds no adapter/]
    ] as ReadonlyArray<
      readonly [
        string,
        (tensors: ReadonlyArray<Safetensors.NamedTensor>) => ReadonlyArray<Safetensors.NamedTensor>,
        RegExp
      ]
    >
  ) {
    it.effect(`${what} is refused`, () =>
      Effect.map(changed({ tensors: change }), (error) => assert.match(error.message, message)))
  }
  it.effect("a directory that is no adapter says what one is", () =>
    inTemporary((directory) =>
      Effect.map(
        Effect.flip(Peft.open(directory)),
        (error) => assert.match(error.message, /adapter_config\.json: no such file.*A PEFT adapter is a directory/)
      )
    ))
  it.effect("options that the adapter brings itself are refused", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Adapter.make(settings, { adapter: folder("adapter"), rank: 8 }, 0))
      assert.match(error.message, /lora\.rank is 8, expected none: the adapter in .* brings it/)
    }).pipe(Effect.provide(NodeServices.layer)))
})

describe("writing", () => {
  it.effect("gives the files that PEFT was seen to read", () =>
    inTemporary((directory) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const adapter = yield* load("adapter")
        yield* Adapter.save(settings, adapter, "qwen2vl/tied", `${directory}/saved`)
        for (const name of ["adapter_config.json", "adapter_model.safetensors"]) {
          assert.deepStrictEqual(
            yield* fs.readFile(`${directory}/saved/${name}`),
            yield* fs.readFile(folder(`saved/${name}`)),
            name
          )
        }
        for (const [what, error] of Object.entries(numbers.checked)) assert.isAtMost(error, 1e-6, what)
        const again = yield* Adapter.make(settings, { adapter: `${directory}/saved` }, 0)
        assert.deepStrictEqual(again.lora, adapter.lora)
        assert.strictEqual(
          fingerprint(again.store),
          fingerprint(adapter.store)
        )
        assert.match(
          (yield* Effect.flip(Adapter.save(settings, adapter, "", `${directory}/saved`))).message,
          /already exists/
        )
      })
    ))
  it.effect("names modules wholly where their endings would name others too", () =>
    inTemporary((directory) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const adapter = yield* Adapter.make(settings, { targets: ["attn.proj", "layers.0.self_attn.q_proj"] }, 0)
        yield* Adapter.save(settings, adapter, "base", `${directory}/saved`)
        const { target_modules: targets } = JSON.parse(
          yield* fs.readFileString(`${directory}/saved/adapter_config.json`)
        ) as { readonly target_modules: unknown }
        assert.deepStrictEqual(targets, [
          "model.visual.blocks.0.attn.proj",
          "model.visual.blocks.1.attn.proj",
          "model.language_model.layers.0.self_attn.q_proj"
        ])
      })
    ))
})
