/** One or more small uses of every operator: shared by the checks against the reference and against differences. */
import * as G from "../../../src/kernels/graph/index.ts"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { count, type Feeds, type Value, value } from "./reference.ts"

/** How an argument is drawn. */
type Argument =
  | { readonly shape: ReadonlyArray<number>; readonly kind: "normal" | "positive" | "uniform" }
  | {
    readonly shape: ReadonlyArray<number>
    readonly kind: "index"
    readonly below: number
    readonly dtype?: "i64" | "i32"
  }
  | { readonly shape: ReadonlyArray<number>; readonly kind: "bool" }

export interface Case {
  readonly name: string
  readonly arguments: ReadonlyArray<Argument>
  /** Outputs; the first float one is differentiated. */
  readonly build: (...inputs: ReadonlyArray<G.Tensor>) => G.Tensor
  /** No derivative is defined. */
  readonly flat?: true
}

const n = (...shape: ReadonlyArray<number>): Argument => ({ shape, kind: "normal" })
const pos = (...shape: ReadonlyArray<number>): Argument => ({ shape, kind: "positive" })
const index = (below: number, ...shape: ReadonlyArray<number>): Argument => ({ shape, kind: "index", below })
const index32 = (below: number, ...shape: ReadonlyArray<number>): Argument => ({
  shape,
  kind: "index",
  below,
  dtype: "i32"
})
const bool = (...shape: ReadonlyArray<number>): Argument => ({ shape, kind: "bool" })
const made = (name: string, args: ReadonlyArray<Argument>, build: Case["build"]): Case => ({
  name,
  arguments: args,
  build
})
const flat = (name: string, args: ReadonlyArray<Argument>, build: Case["build"]): Case => ({
  name,
  arguments: args,
  build,
  flat: true
})

const slots: G.Slots = {
  rowIn: [G.constant(Int32Array.of(2, 0)), G.constant(Int32Array.of(3, 1))],
  slotOf: G.constant(Int32Array.of(1, 3, 0, 2))
}

/** A matrix of 4-bit integers whose rows do not fill their blocks. */
const quantized = (out: number, inner: number): G.Quantized => {
  const [block, count] = [16, Math.ceil(inner / 16)]
  const random = Keyed.stream(3, "quantized")
  const bytes = Uint8Array.from({ length: out * count * block / 2 }, () => random.int(256))
  const scales = Float32Array.from({ length: out * count }, () => random.normal() / 8)
  return {
    bits: 4,
    block,
    out,
    inner,
    blocks: G.constant(bytes, [out, count, block / 2]),
    rows: G.constant(bytes, [out, count * block / 2]),
    scales: G.constant(scales, [out, count])
  }
}

const binary = [["add", G.add], ["sub", G.sub], ["mul", G.mul], ["minimum", G.minimum], ["maximum", G.maximum]] as const
const unary = [
  ["neg", G.neg],
  ["exp", G.exp],
  ["sigmoid", G.sigmoid],
  ["tanh", G.tanh],
  ["erf", G.erf],
  ["cos", G.cos],
  ["sin", G.sin],
  ["gelu", G.gelu],
  ["geluTanh", G.geluTanh],
  ["quickGelu", G.quickGelu],
  ["silu", G.silu],
  ["softmax", G.softmax]
] as const

export const cases: ReadonlyArray<Case> = [
  ...binary.flatMap(([name, f]) => [
    made(name, [n(2, 3, 4), n(2, 3, 4)], (a, b) => f(a!, b!)),
    made(`${name}, right stretched`, [n(2, 3, 4), n(3, 1)], (a, b) => f(a!, b!)),
    made(`${name}, left stretched`, [n(1, 4), n(2, 3, 4)], (a, b) => f(a!, b!)),
    made(`${name}, both stretched`, [n(3, 1), n(1, 4)], (a, b) => f(a!, b!)),
    made(`${name}, scalar`, [n(4, 5), n()], (a, b) => f(a!, b!)),
    made(`${name}, one value`, [n(1, 1), n()], (a, b) => G.add(f(a!, b!), G.mul(a!, b!))),
    made(`${name} of a value with itself`, [n(2, 3)], (a) => f(a!, G.mul(a!, a!)))
  ]),
  made("div", [n(2, 3), pos(2, 3)], (a, b) => G.div(a!, b!)),
  made("div, stretched", [n(2, 1), pos(3)], (a, b) => G.div(a!, b!)),
  ...unary.map(([name, f]) => made(name, [n(2, 3, 4)], (x) => f(x!))),
  made("log", [pos(3, 4)], (x) => G.log(x!)),
  made("sqrt", [pos(3, 4)], (x) => G.sqrt(x!)),
  made("where", [bool(2, 3), n(2, 3), n(2, 3)], (c, a, b) => G.where(c!, a!, b!)),
  made("where, stretched", [bool(2, 1), n(3), n()], (c, a, b) => G.where(c!, a!, b!)),
  made("a value through cast and back", [bool(2, 3), n(2, 3)], (c, a) => G.mul(G.cast(c!, "f32"), a!)),
  flat(
    "comparisons",
    [n(2, 3), n(2, 3)],
    (a, b) => G.cast(G.or(G.and(G.less(a!, b!), G.not(G.lessOrEqual(b!, a!))), G.equals(a!, b!)), "i64")
  ),
  flat("cast float to int64", [n(2, 3)], (a) => G.cast(G.mul(a!, G.scalar(9)), "i64")),

  made("sum of all", [n(2, 3)], (x) => G.sum(x!)),
  ...([["sum", G.sum], ["mean", G.mean], ["logSumExp", G.logSumExp]] as const).flatMap(([name, f]) => [
    made(`${name}, last axis`, [n(2, 3, 4)], (x) => f(x!, [-1])),
    made(`${name}, first axis`, [n(2, 3, 4)], (x) => f(x!, [0])),
    made(`${name}, two axes`, [n(2, 3, 4)], (x) => f(x!, [0, 2])),
    made(`${name}, a single element`, [n(3, 1)], (x) => f(x!, [1]))
  ]),
  flat("max", [n(2, 3, 4)], (x) => G.max(x!, [1])),
  flat("argmax", [n(5, 7)], (x) => G.argmax(x!)),
  flat("argmax, ties", [], () => G.argmax(G.constant(Float32Array.of(1, 3, 3, 2, 2, 2), [2, 3]))),
  flat("sortDescending", [n(3, 5)], (x) => G.sortDescending(x!)),
  flat("tail", [n(2, 5, 3)], (x) => G.reshape(G.tail(x!, 1, 2), [2, 3, 3])),
  flat("cumulativeSum", [n(3, 5)], (x) => G.cumulativeSum(x!)),

  made("reshape", [n(2, 6)], (x) => G.reshape(x!, [3, 4])),
  made("transpose", [n(2, 3, 4)], (x) => G.transpose(x!, [2, 0, 1])),
  made("transpose, four axes", [n(2, 3, 2, 4)], (x) => G.transpose(x!, [0, 2, 1, 3])),
  made("concat", [n(2, 1, 3), n(2, 2, 3), n(2, 1, 3)], (a, b, c) => G.concat([a!, b!, c!], 1)),
  made("concat of a value with itself", [n(2, 3)], (a) => G.concat([a!, a!], -1)),
  made("slice, middle", [n(2, 5, 3)], (x) => G.slice(x!, 1, 1, 3)),
  made("slice, start", [n(4, 3)], (x) => G.slice(x!, 0, 0, 2)),
  made("slice, end", [n(4, 3)], (x) => G.slice(x!, -1, 2, 3)),
  made("expand", [n(2, 1, 3)], (x) => G.expand(x!, [2, 4, 3])),
  made("expand, new axes", [n(3)], (x) => G.expand(x!, [2, 4, 3])),

  made("split", [n(2, 5, 3)], (x) => {
    const [first, , last] = G.split(x!, 1, [2, 1, 2])
    return G.mul(G.exp(first!), last!)
  }),
  // Four rows in slots of two tables: 2, 0 in one, 3, 1 in the other.
  made("deal", [n(4, 3)], (x) => {
    const [one, other] = G.deal(x!, slots)
    return G.mul(G.exp(one!), other!)
  }),
  made("deal, one table unread", [n(4, 3)], (x) => G.deal(x!, slots)[1]!),
  made("collect", [n(2, 3), n(2, 3)], (x, y) => G.exp(G.collect([x!, y!], slots))),
  made("gather", [n(5, 3), index(5, 2, 4)], (t, i) => G.gather(t!, i!)),
  made("gather, int32", [n(5, 3), index32(5, 6)], (t, i) => G.gather(t!, i!)),
  made("gather, one column", [n(5, 1), index(5, 7)], (t, i) => G.gather(t!, i!)),
  made("scatterAdd, duplicates", [n(4, 3), index(2, 9), n(9, 3)], (t, i, u) => G.scatterAdd(t!, i!, u!)),
  made("scatterAdd, one column", [n(4, 1), index(4, 6), n(6, 1)], (t, i, u) => G.scatterAdd(t!, i!, u!)),
  flat("pick", [n(5, 4), index(4, 5)], (x, i) => G.pick(x!, i!)),

  ...[[false, false], [true, false], [false, true], [true, true]].flatMap(([transA, transB]) => {
    const options = { transA: transA!, transB: transB! }
    const a = (...batch: ReadonlyArray<number>) => transA ? n(...batch, 4, 3) : n(...batch, 3, 4)
    const b = (...batch: ReadonlyArray<number>) => transB ? n(...batch, 5, 4) : n(...batch, 4, 5)
    const label = `${transA ? "Aᵀ" : "A"}${transB ? "Bᵀ" : "B"}`
    return [
      made(`matmul ${label}`, [a(), b()], (x, y) => G.matmul(x!, y!, options)),
      made(`matmul ${label}, scaled`, [a(), b()], (x, y) => G.matmul(x!, y!, { ...options, alpha: 0.25 })),
      made(`matmul ${label}, batched`, [a(2), b(2)], (x, y) => G.matmul(x!, y!, { ...options, alpha: 0.5 })),
      made(`matmul ${label}, two batch axes`, [a(2, 3), b(2, 3)], (x, y) => G.matmul(x!, y!, options)),
      made(`matmul ${label}, right shared`, [a(2, 3), b()], (x, y) => G.matmul(x!, y!, options)),
      made(`matmul ${label}, left shared`, [a(), b(3)], (x, y) => G.matmul(x!, y!, options)),
      made(`matmul ${label}, batch stretched`, [a(2, 1), b(1, 3)], (x, y) => G.matmul(x!, y!, { ...options, alpha: 2 }))
    ]
  }),
  made("linear", [n(3, 4), n(5, 4), n(5)], (x, w, b) => G.linear(x!, w!, b!)),
  made("quantizedMatmul", [n(3, 40)], (x) => G.quantizedMatmul(x!, quantized(6, 40))),
  made("unpackedMatmul", [n(3, 4), n(5, 4)], (x, w) => G.unpackedMatmul(x!, w!)),
  made("linear without bias", [n(3, 4), n(5, 4)], (x, w) => G.linear(x!, w!)),

  made("layerNorm", [n(2, 3, 6), n(6), n(6)], (x, w, b) => G.layerNorm(x!, w!, b!, 1e-5)),
  made("layerNorm, rows", [n(4, 6), n(6), n(6)], (x, w, b) => G.layerNorm(x!, w!, b!, 1e-2)),
  made("rmsNorm", [n(2, 3, 6), n(6)], (x, w) => G.rmsNorm(x!, w!, 1e-6)),
  made("rmsNorm, rows", [n(4, 6), n(6)], (x, w) => G.rmsNorm(x!, w!, 1e-1)),

  // The derivative of the angle tables is nobody's business: they are fed. So they are constants here.
  ...([["heads apart", n(2, 3, 4, 6)], ["heads side by side", n(2, 4, 18)]] as const).map(([heads, argument]) =>
    made(`rotary, ${heads}`, [argument], (x) => {
      const angles = Float32Array.from({ length: 8 * 3 }, (_, i) => Math.sin(i * 7.1) * 3)
      return G.rotary(
        x!,
        G.rowPositions(2, 4),
        G.constant(angles.map(Math.cos), [8, 3]),
        G.constant(angles.map(Math.sin), [8, 3])
      )
    })
  ),

  made("selectedLogprob", [n(5, 4), n(7, 4), index(3, 5)], (x, e, t) => G.selectedLogprob(x!, e!, t!)),
  made(
    "selectedLogprob, temperature",
    [n(5, 4), n(7, 4), index(7, 5)],
    (x, e, t) => G.selectedLogprob(x!, e!, t!, { temperature: 0.7 })
  ),
  made(
    "selectedLogprob, uneven chunks",
    [n(5, 4), n(7, 4), index(7, 5)],
    (x, e, t) => G.selectedLogprob(x!, e!, t!, { chunk: 2, temperature: 1.3 })
  ),
  made("selectedLogprob, masked", [n(5, 4), n(7, 4), index(4, 5)], (x, e, t) => {
    // Columns 5 and 6 are forbidden everywhere, column 4 in even rows.
    const bias = Float32Array.from(
      { length: 35 },
      (_, i) => i % 7 > 4 || (i % 7 === 4 && Math.floor(i / 7) % 2 === 0) ? -1e9 : 0
    )
    return G.selectedLogprob(x!, e!, t!, { bias: G.constant(bias, [5, 7]), chunk: 3, temperature: 0.9 })
  }),
  made("entropy", [n(5, 4), n(7, 4)], (x, e) => G.entropy(x!, e!)),
  made("entropy, uneven chunks", [n(5, 4), n(7, 4)], (x, e) => G.entropy(x!, e!, { chunk: 2, temperature: 1.3 })),
  made("entropy, masked", [n(5, 4), n(7, 4)], (x, e) => {
    // Columns 5 and 6 are forbidden everywhere; in the first row all but one are.
    const bias = Float32Array.from({ length: 35 }, (_, i) => i % 7 > 4 || (i > 0 && i < 7) ? -1e9 : 0)
    return G.entropy(x!, e!, { bias: G.constant(bias, [5, 7]), chunk: 3, temperature: 0.9 })
  }),
  ...([["allowedLogprob", undefined], ["allowedLogprob, uneven chunks", 2]] as const).map(([name, chunk]) =>
    made(name, [n(5, 4), n(7, 4)], (x, e) => {
      // As above; nothing is forbidden in the last row.
      const bias = Float32Array.from(
        { length: 35 },
        (_, i) => i < 28 && (i % 7 > 4 || (i % 7 === 4 && Math.floor(i / 7) % 2 === 0)) ? -1e9 : 0
      )
      return G.allowedLogprob(x!, e!, G.constant(bias, [5, 7]), chunk)
    })
  ),
  made("allowedLogprob, some left aside", [n(5, 4), n(7, 4)], (x, e) => {
    // Columns 5 and 6 are forbidden; column 0 is aside in all rows but the first.
    const bias = Float32Array.from(
      { length: 35 },
      (_, i) => i % 7 > 4 ? G.Choice.forbidden : i > 0 && i % 7 === 0 ? G.Choice.aside : G.Choice.allowed
    )
    return G.allowedLogprob(x!, e!, G.constant(bias, [5, 7]), 3)
  }),
  made(
    "one embedding as table and as head",
    [n(7, 4), index(7, 5), index(7, 5)],
    (e, i, t) => G.selectedLogprob(G.gather(e!, i!), e!, t!)
  ),
  made(
    "stopGradient beside a live path",
    [n(2, 3)],
    (x) => G.mul(x!, G.stopGradient(G.constant(Float32Array.of(1, 2, 3))))
  ),
  made("a value used many times", [n(2, 3), n(3, 3)], (x, w) => {
    const y = G.silu(G.matmul(x!, w!))
    return G.add(G.mul(y, y), G.add(G.matmul(y, w!, { transB: true }), G.softmax(y)))
  })
]

/** Graph inputs `x0`, `x1`, … of a case. */
export const inputsOf = ({ arguments: args }: Case): ReadonlyArray<G.Tensor> =>
  args.map((a, i) =>
    G.input(`x${i}`, a.shape, a.kind === "index" ? a.dtype ?? "i64" : a.kind === "bool" ? "bool" : "f32")
  )

const draw = (argument: Argument, random: Keyed.Stream): Value => {
  const one = (): number => {
    switch (argument.kind) {
      case "normal":
        return random.normal()
      case "positive":
        return 0.3 + 2 * random.next()
      case "uniform":
        return random.next()
      case "index":
        return random.int(argument.below)
      case "bool":
        return random.int(2)
    }
  }
  // Through float32, so that both evaluations start from the same numbers.
  return value(Float32Array.from({ length: count(argument.shape) }, one), argument.shape)
}

export const feedsOf = (given: Case): Feeds => {
  const random = Keyed.stream(7, given.name)
  return Object.fromEntries(given.arguments.map((a, i) => [`x${i}`, draw(a, random)]))
}

export const isFloat = (argument: Argument): boolean => argument.kind !== "index" && argument.kind !== "bool"

/** Σ f(x)·seed, as a scalar to differentiate, with the seed fed as `seed`. */
export const scalarOf = (y: G.Tensor): G.Tensor => G.sum(G.mul(y, G.input("seed", y.shape)))

export const seedOf = (given: Case, y: G.Tensor): Value =>
  value(Float32Array.from({ length: count(y.shape) }, Keyed.stream(8, given.name).normal), y.shape)
