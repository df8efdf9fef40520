/** Values and gradients against PyTorch's, from test/fixtures/ops.py (float64). */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import * as G from "../../../src/kernels/graph/index.ts"
import * as Onnx from "./onnx.ts"
import * as Reference from "./reference.ts"

interface Array {
  readonly shape: ReadonlyArray<number>
  readonly data: ReadonlyArray<number>
}
interface Fixture {
  readonly inputs: Readonly<Record<string, Array>>
  readonly output: Array
  readonly seed: Array
  readonly grads: Readonly<Record<string, Array>>
}

const fixtures = JSON.parse(
  readFileSync(new URL("../../fixtures/ops.json", import.meta.url), "utf8")
) as Readonly<Record<string, Fixture>>

type Inputs = Readonly<Record<string, G.Tensor>>

/** A linear layer over the last axis of any rank: rows are folded, as the models do. */
const rowsOf = (x: G.Tensor): G.Tensor => G.reshape(x, [-1, x.shape.at(-1)!])

const causal = (q: G.Tensor, k: G.Tensor, v: G.Tensor): G.Tensor => {
  const [batch, heads, length, d] = q.shape as [number, number, number, number]
  const kv = k.shape[1]!
  const fold = (x: G.Tensor) => G.reshape(x, [batch, kv, heads / kv * length, x.shape[3]!])
  const scores = G.reshape(G.matmul(fold(q), k, { transB: true, alpha: 1 / Math.sqrt(d) }), [
    batch,
    heads,
    length,
    length
  ])
  const bias = G.constant(
    Float32Array.from({ length: length * length }, (_, i) => i % length > Math.floor(i / length) ? -1e9 : 0),
    [length, length]
  )
  return G.reshape(G.matmul(fold(G.softmax(G.add(scores, bias))), v), q.shape)
}

/** What each fixture is in this project's operators. */
const builders: Readonly<Record<string, (x: Inputs) => G.Tensor>> = {
  matmul: ({ a, b }) => G.matmul(a!, b!),
  matmul_transpose_b: ({ a, b }) => G.matmul(a!, b!, { transB: true }),
  matmul_batched: ({ a, b }) => G.matmul(a!, b!),
  matmul_broadcast: ({ a, b }) => G.matmul(a!, b!),
  linear: ({ b, w, x }) => G.reshape(G.linear(rowsOf(x!), w!, b!), [2, 3, 5]),
  add_broadcast: ({ a, b }) => G.add(a!, b!),
  mul_broadcast: ({ a, b }) => G.mul(a!, b!),
  div_broadcast: ({ a, b }) => G.div(a!, b!),
  exp: ({ x }) => G.exp(x!),
  log: ({ x }) => G.log(x!),
  softmax: ({ x }) => G.softmax(x!),
  log_softmax: ({ x }) => G.sub(x!, G.reshape(G.logSumExp(x!, [-1]), [x!.shape[0]!, 1])),
  layer_norm: ({ b, w, x }) => G.layerNorm(x!, w!, b!, 1e-6),
  rms_norm: ({ w, x }) => G.rmsNorm(x!, w!, 1e-6),
  gelu: ({ x }) => G.gelu(x!),
  gelu_tanh: ({ x }) => G.geluTanh(x!),
  quick_gelu: ({ x }) => G.quickGelu(x!),
  silu: ({ x }) => G.silu(x!),
  sigmoid: ({ x }) => G.sigmoid(x!),
  // The fixture's angles belong to the three positions of both sequences.
  rotary: ({ cos, sin, x }) => G.rotary(x!, G.constant(BigInt64Array.of(0n, 1n, 2n, 0n, 1n, 2n), [2, 3]), cos!, sin!),
  embedding: ({ ids, table }) => G.gather(table!, ids!),
  gather_rows: ({ ids, x }) => G.gather(x!, ids!),
  logprob_head: ({ ids, w, x }) => G.selectedLogprob(x!, w!, ids!, { chunk: 3 }),
  pick_logprob: ({ ids, x }) => {
    // Scored against the identity, the hidden states are the logits.
    const identity = Float32Array.from({ length: 36 }, (_, i) => i % 7 === 0 ? 1 : 0)
    return G.selectedLogprob(x!, G.constant(identity, [6, 6]), ids!)
  },
  causal_attention_gqa: ({ k, q, v }) => causal(q!, k!, v!),
  swiglu: ({ down, gate, up, x }) => G.linear(G.mul(G.silu(G.linear(x!, gate!)), G.linear(x!, up!)), down!),
  patch_embed: ({ w, x }) => G.matmul(x!, G.reshape(w!, [5, 16]), { transB: true }),
  reduce_mean: ({ x }) => G.reshape(G.mean(x!, [-1]), [2, 3, 1]),
  reduce_sum_axis0: ({ x }) => G.sum(x!, [0]),
  transpose: ({ x }) => G.transpose(x!, [2, 0, 1]),
  concat: ({ a, b }) => G.concat([a!, b!], 1),
  slice: ({ x }) => G.slice(x!, 1, 1, 3),
  minimum: ({ a, b }) => G.minimum(a!, b!),
  clamp: ({ x }) => G.minimum(G.maximum(x!, G.scalar(0.8)), G.scalar(1.2))
}

/** Angle tables are fed, never trained: no gradient of them exists here. */
const fed = new Set(["cos", "sin"])

describe("against PyTorch", () => {
  it("covers every case of the fixture", () => {
    assert.deepStrictEqual(Object.keys(builders).sort(), Object.keys(fixtures).sort())
  })
  for (const [name, fixture] of Object.entries(fixtures)) {
    it(name, async () => {
      const inputs = Object.fromEntries(
        Object.entries(fixture.inputs).map((
          [key, { shape }]
        ) => [key, G.input(key, shape, key === "ids" ? "i64" : "f32")])
      )
      const y = builders[name]!(inputs)
      const loss = G.sum(G.mul(y, G.input("seed", y.shape)))
      const wanted = Object.keys(fixture.grads).filter((key) => !fed.has(key))
      const outputs = [y, ...G.Autodiff.gradients(loss, wanted.map((key) => inputs[key]!))]
      const feeds = Object.fromEntries(
        Object.entries({ ...fixture.inputs, seed: fixture.seed })
          .map(([key, { data, shape }]) => [key, Reference.value(data, shape)])
      )
      const expected = [fixture.output, ...wanted.map((key) => fixture.grads[key]!)]
      const [exact, single] = [Reference.evaluate(outputs, feeds), await Onnx.evaluate(outputs, feeds)]
      expected.forEach(({ data, shape }, i) => {
        const what = i === 0 ? "value" : `gradient of ${wanted[i - 1]}`
        assert.deepStrictEqual(outputs[i]!.shape, shape, what)
        // Constants of a graph are float32, so float64 evaluation agrees to their rounding.
        assert.isAtMost(Reference.relativeError(exact[i]!.data, data), 1e-6, `${what} in float64`)
        assert.isAtMost(Reference.relativeError(single[i]!.data, data), 1e-5, `${what} in float32`)
      })
    })
  }
})
