import { assert, describe, it } from "@effect/vitest"
import * as ort from "onnxruntime-node"
import * as G from "../../../src/kernels/graph/index.ts"
import { Keyed } from "../../../src/kernels/math/index.ts"
import * as Onnx from "./onnx.ts"
import * as Reference from "./reference.ts"

const { evaluate, value } = Reference

/** How often an operator's nodes were written; each carries its type in its name. */
const written = (program: G.OnnxWriter.Program, type: string): number =>
  Buffer.from(program.bytes).toString("latin1").split(`${type}_`).length - 1

describe("the border", () => {
  it("lists inputs with shape and type, whichever the outputs need", () => {
    const [a, b] = [G.input("a", [2, 3]), G.input("b", [2], "i32")]
    G.input("unused", [4])
    const program = G.OnnxWriter.write({ y: G.gather(a, b) })
    assert.deepStrictEqual(program.inputs, [{ name: "a", shape: [2, 3], dtype: "f32" }, {
      name: "b",
      shape: [2],
      dtype: "i32"
    }])
    assert.deepStrictEqual(program.outputs, [{ name: "y", shape: [2, 3], dtype: "f32" }])
  })
  it("refuses reserved names and two inputs of one name", () => {
    assert.throws(() => G.input("%0", [1]), /reserved/)
    assert.throws(() => G.input("", [1]), /reserved/)
    assert.throws(
      () => G.OnnxWriter.write({ y: G.add(G.input("a", [1]), G.input("a", [1])) }),
      /two inputs are called "a"/
    )
    assert.throws(() => G.OnnxWriter.write({ a: G.exp(G.input("a", [1])) }), /"a" is an input and an output/)
  })
  it("survives input names that look generated", async () => {
    const names = ["0", "1", "Add_3", "x%1", "out0"]
    const inputs = names.slice(0, 4).map((name) => G.input(name, [1]))
    const y = inputs.reduce((sum, x) => G.add(G.mul(sum, G.scalar(3)), x))
    const feeds = Object.fromEntries(names.map((name, i) => [name, value([i + 2])]))
    assert.deepStrictEqual((await Onnx.evaluate([y], feeds))[0]!.data, evaluate([y], feeds)[0]!.data)
  })
  it("gives an input or a constant straight back", async () => {
    const x = G.input("x", [2])
    const found = await Onnx.evaluate([x, G.constant(Int32Array.of(7, 8, 9)), G.scalar(2)], { x: value([1, 2]) })
    assert.deepStrictEqual(found.map((v) => [...v.data]), [[1, 2], [7, 8, 9], [2]])
  })
})

describe("what is written", () => {
  it("writes equal computations once", async () => {
    const x = G.input("x", [2, 2])
    const y = G.add(G.mul(G.exp(x), G.exp(x)), G.matmul(G.exp(x), G.exp(x)))
    assert.strictEqual(written(G.OnnxWriter.write({ y }), "Exp"), 1)
    const feeds = { x: value([0.1, 0.2, 0.3, 0.4], [2, 2]) }
    assert.isAtMost(
      Reference.relativeError((await Onnx.evaluate([y], feeds))[0]!.data, evaluate([y], feeds)[0]!.data),
      1e-6
    )
  })
  it("keeps computations apart that differ in an attribute, an input or a type", async () => {
    const x = G.input("x", [2, 2])
    const outputs = [
      G.quickGelu(x, 1),
      G.quickGelu(x, 1.702),
      G.matmul(x, x),
      G.matmul(x, x, { transA: true }),
      G.matmul(x, x, { alpha: 2 }),
      G.sum(x, [0]),
      G.sum(x, [1]),
      G.cast(x, "i32"),
      G.cast(x, "i64"),
      G.cast(x, "bool"),
      G.slice(x, 0, 0, 1),
      G.slice(x, 0, 1, 2),
      G.slice(x, 1, 0, 1),
      G.reshape(x, [4]),
      G.reshape(x, [1, 4])
    ]
    const feeds = { x: value([1.5, -2.25, 0, 4], [2, 2]) }
    const [found, expected] = [await Onnx.evaluate(outputs, feeds), evaluate(outputs, feeds)]
    outputs.forEach((_, i) => {
      assert.deepStrictEqual(found[i]!.shape, expected[i]!.shape)
      assert.isAtMost(Reference.relativeError(found[i]!.data, expected[i]!.data), 1e-6, `output ${i}`)
    })
  })
  it("names the nodes that a GPU would get wrong, where that matters", () => {
    const [x, w] = [G.input("x", [2, 4]), G.input("w", [4])]
    const y = G.rmsNorm(x, w, 1e-6)
    const loss = G.sum(y)
    assert.deepStrictEqual(G.OnnxWriter.write({ loss }).onHost, [])
    const program = G.OnnxWriter.write({ loss, gradient: G.Autodiff.gradients(loss, [x])[0]! })
    assert.strictEqual(program.onHost.length, 1)
    assert.include(Buffer.from(program.bytes).toString("latin1"), program.onHost[0]!)
  })
  it("bakes weights into the model", async () => {
    const [x, w] = [G.input("x", [1, 2]), G.input("w", [2, 2])]
    const feeds = { x: value([1, 2], [1, 2]) }
    const baked = Float32Array.of(1, 2, 3, 4)
    const session = await Onnx.open({ y: G.matmul(x, w) }, { initializers: new Map([["w", baked]]) })
    assert.deepStrictEqual(session.program.inputs.map((p) => p.name), ["x"])
    assert.deepStrictEqual([...(await session.run(feeds))["y"]!.data], [7, 10])
    await session.close()
  })
  it("reads weights from another file at an offset, in each of its element types", async () => {
    const x = G.input("x", [1, 2])
    const y = G.matmul(x, G.input("w", [2, 2]))
    // 1, 2, 3, 4 after eight bytes of something else.
    const stored = {
      f32: new Uint8Array(Float32Array.of(9, 9, 1, 2, 3, 4).buffer),
      bf16: new Uint8Array(Uint16Array.of(9, 9, 9, 9, 0x3f80, 0x4000, 0x4040, 0x4080).buffer),
      f16: new Uint8Array(Uint16Array.of(9, 9, 9, 9, 0x3c00, 0x4000, 0x4200, 0x4400).buffer)
    }
    for (const [dtype, data] of Object.entries(stored)) {
      const external = { location: "w.bin", offset: 8, length: data.length - 8, dtype: dtype as "f32" }
      const program = G.OnnxWriter.write({ y }, { initializers: new Map([["w", external]]) })
      const session = await ort.InferenceSession.create(program.bytes, { externalData: [{ path: "w.bin", data }] })
      const results = await session.run({ x: new ort.Tensor("float32", Float32Array.of(1, 2), [1, 2]) })
      assert.deepStrictEqual([...results["y"]!.data as Float32Array], [7, 10], dtype)
      await session.release()
    }
  })
})

describe("loop", () => {
  const counted = (trips: number, start = true) => {
    const w = G.input("w", [2])
    const outer = G.exp(w)
    return G.loop({
      trips: G.constant(BigInt64Array.of(BigInt(trips)), []),
      start: G.cast(G.scalar(start ? 1 : 0), "bool"),
      carried: [G.input("x", [2]), G.input("seen", [0])],
      shapes: [undefined, [-1]],
      body: (turn, [x, seen]) => {
        const next = G.add(G.mul(x!, outer), G.cast(turn, "f32"))
        const total = G.sum(next)
        return {
          proceed: G.less(total, G.scalar(1000)),
          carried: [next, G.concat([seen!, G.reshape(total, [1])], 0)],
          stacked: [total, x!, turn]
        }
      }
    })
  }
  const feeds = { w: value([0.5, 0.7]), x: value([1, 2]), seen: value([], [0]) }

  for (
    const [name, made] of Object.entries({
      "runs the given number of turns": counted(4),
      "stops when the body says so": counted(50),
      "runs no turn without a first condition": counted(5, false),
      "runs no turn of none": counted(0)
    })
  ) {
    it(name, async () => {
      const outputs = [...made.carried, ...made.stacked]
      const [found, expected] = [await Onnx.evaluate(outputs, feeds), evaluate(outputs, feeds)]
      outputs.forEach((_, i) => {
        assert.deepStrictEqual(found[i]!.shape, expected[i]!.shape, `output ${i}`)
        assert.isAtMost(Reference.relativeError(found[i]!.data, expected[i]!.data), 1e-5, `output ${i}`)
      })
    })
  }
  it("took as many turns as the test means", () => {
    assert.deepStrictEqual([4, 50].map((trips) => evaluate([counted(trips).stacked[0]!], feeds)[0]!.shape[0]), [4, 9])
  })
  it("computes outside what does not depend on the turn", () => {
    const made = counted(4)
    const program = G.OnnxWriter.write({ y: made.carried[0]! })
    const text = Buffer.from(program.bytes).toString("latin1")
    // Nodes of the main graph are written in order: the loop-invariant one comes before the loop's own node.
    assert.strictEqual(written(program, "Exp"), 1)
    assert.isBelow(text.indexOf("Exp_"), text.indexOf("Add_"))
    assert.isBelow(text.lastIndexOf("Exp_"), text.indexOf("Less_"))
  })
  it("returns parameters, outer values and one value twice", async () => {
    const [x, outer] = [G.input("x", [2]), G.input("outer", [2])]
    const made = G.loop({
      trips: G.constant(BigInt64Array.of(3n), []),
      start: G.cast(G.scalar(1), "bool"),
      carried: [x, x, outer, x],
      body: (turn, [a, b]) => {
        const next = G.add(a!, b!)
        return {
          proceed: G.less(turn, G.constant(BigInt64Array.of(9n), [])),
          carried: [next, a!, outer, G.stopGradient(next)],
          stacked: [next, next, outer, turn]
        }
      }
    })
    const outputs = [...made.carried, ...made.stacked]
    const feeds = { x: value([1, 2]), outer: value([5, 6]) }
    const [found, expected] = [await Onnx.evaluate(outputs, feeds), evaluate(outputs, feeds)]
    outputs.forEach((_, i) => assert.deepStrictEqual([...found[i]!.data], [...expected[i]!.data], `output ${i}`))
  })
  it("refuses a value of the body outside the loop", () => {
    let leaked: G.Tensor | undefined
    const made = G.loop({
      trips: G.constant(BigInt64Array.of(1n), []),
      start: G.cast(G.scalar(1), "bool"),
      carried: [G.input("x", [2])],
      body: (_, [x]) => {
        leaked = G.exp(x!)
        return { proceed: G.less(G.sum(x!), G.scalar(1)), carried: [leaked], stacked: [] }
      }
    })
    assert.throws(() => G.OnnxWriter.write({ y: leaked! }), /outside the loop/)
    assert.throws(() => G.OnnxWriter.write({ y: G.add(leaked!, made.carried[0]!) }), /outside the loop/)
  })
})

describe("shapes that do not fit are refused where they are made", () => {
  const x = G.input("x", [2, 3])
  const refused: Readonly<Record<string, () => unknown>> = {
    add: () => G.add(x, G.input("y", [2])),
    matmul: () => G.matmul(x, x),
    linear: () => G.linear(x, G.input("w", [4, 2])),
    bias: () => G.linear(x, G.input("w", [4, 3]), G.input("b", [3])),
    reshape: () => G.reshape(x, [4]),
    transpose: () => G.transpose(x, [0, 0]),
    concat: () => G.concat([x, G.input("y", [2, 4])], 0),
    slice: () => G.slice(x, 1, 2, 4),
    axis: () => G.sum(x, [2]),
    "axis twice": () => G.sum(x, [1, -1]),
    expand: () => G.expand(x, [2, 2]),
    norm: () => G.rmsNorm(x, G.input("w", [2]), 1e-6),
    logprob: () => G.selectedLogprob(x, G.input("e", [7, 4]), G.input("t", [2], "i32")),
    constant: () => G.constant(Float32Array.of(1, 2), [3])
  }
  for (const [name, make] of Object.entries(refused)) {
    it(name, () => {
      assert.throws(make, Error, /\[/)
    })
  }
})

describe("two threads", () => {
  const rows = 2048
  const random = Keyed.stream(3, "two threads")
  const feeds = {
    table: value(Float32Array.from({ length: 16 * 64 }, random.normal), [16, 64]),
    // Few rows, many duplicates: what a race would show.
    ids: value(Array.from({ length: rows }, () => random.int(5)), [rows]),
    weight: value(Float32Array.from({ length: 64 * 64 }, random.normal), [64, 64])
  }
  const [table, ids, weight] = [G.input("table", [16, 64]), G.input("ids", [rows], "i32"), G.input("weight", [64, 64])]
  const y = G.silu(G.matmul(G.gather(table, ids), weight, { transB: true }))
  const outputs = G.Autodiff.gradients(G.mean(G.mul(y, y)), [table, weight])

  it("accumulate duplicate rows correctly, the same to the last bit as one thread, every time", async () => {
    const expected = evaluate(outputs, feeds)
    const one = await Onnx.evaluate(outputs, feeds, { threads: 1 })
    const two = await Onnx.open({ dTable: outputs[0]!, dWeight: outputs[1]! }, { threads: 2 })
    for (let turn = 0; turn < 5; turn++) {
      const found = await two.run(feeds)
      assert.deepStrictEqual(found["dTable"]!.data, one[0]!.data)
      assert.deepStrictEqual(found["dWeight"]!.data, one[1]!.data)
    }
    await two.close()
    expected.forEach((e, i) => assert.isAtMost(Reference.relativeError(one[i]!.data, e.data), 1e-5))
  })
})
