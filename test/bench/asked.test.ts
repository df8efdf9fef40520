/** What is asked of the benches is done, or refused by name. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { asked } from "../../bench/large/asked.ts"
import { node, root } from "../cli/processes.ts"

describe("what the environment asks of lora/group and lora/step", () => {
  it("is 6 layers of each where it says nothing, and what it says otherwise", () => {
    const common = { precision: "float32", whole: false, quantize: "none" }
    assert.deepStrictEqual(asked({}), { ...common, layers: 6, visionLayers: 6 })
    assert.deepStrictEqual(asked({ RISE_BENCH_LAYERS: "2" }), { ...common, layers: 2, visionLayers: 2 })
    assert.deepStrictEqual(
      asked({ RISE_BENCH_LAYERS: "28,32", RISE_BENCH_PRECISION: "bfloat16" }),
      { layers: 28, visionLayers: 32, precision: "bfloat16", whole: true, quantize: "none" }
    )
    assert.strictEqual(asked({ RISE_BENCH_QUANTIZE: "int8" }).quantize, "int8")
  })

  it("is an error where it is misspelt, or would change nothing", () => {
    for (const layers of ["", "six", "28,", "28, 32", "28,32,1", "0", "-1", "1e3", "6.5", "NaN"]) {
      assert.throws(() => asked({ RISE_BENCH_LAYERS: layers }), `RISE_BENCH_LAYERS is "${layers}": expected layers`)
    }
    for (const precision of ["", "bf16", "Float32", "float16"]) {
      const wrong = { RISE_BENCH_LAYERS: "28,32", RISE_BENCH_PRECISION: precision }
      assert.throws(() => asked(wrong), `RISE_BENCH_PRECISION is "${precision}": expected float32 or bfloat16`)
    }
    for (const quantize of ["", "int2", "8"]) {
      const expected = `RISE_BENCH_QUANTIZE is "${quantize}": expected none, int8 or int4`
      assert.throws(() => asked({ RISE_BENCH_QUANTIZE: quantize }), expected)
    }
    assert.throws(() => asked({ RISE_BENCH_PRECISION: "bfloat16" }), "RISE_BENCH_LAYERS above 6")
  })

  it.effect("ends the program with its message", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* node([`${root}bench/run.ts`, "lora/group"], {
        env: { RISE_BENCH_PRECISION: "bf16" }
      })
      assert.deepStrictEqual(
        [code, stdout, stderr],
        [1, "", "bench: RISE_BENCH_PRECISION is \"bf16\": expected float32 or bfloat16\n"]
      )
    }))
})
