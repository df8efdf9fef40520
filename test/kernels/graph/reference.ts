/**
 * A second opinion on tensor expressions: every operator as plain loops in float64, independent of onnxruntime and of
 * how the graph is written. Obvious before fast.
 *
 * All element types are held as float64 (integers and booleans are exact in it); shapes are checked against the static
 * ones, so a wrong shape rule is seen too.
 */
import { Autodiff, type Node, type Tensor } from "../../../src/kernels/graph/index.ts"

export interface Value {
  readonly shape: ReadonlyArray<number>
  readonly data: Float64Array
}

export const value = (data: ArrayLike<number | bigint>, shape: ReadonlyArray<number> = [data.length]): Value => {
  const out = { shape, data: Float64Array.from(data as ArrayLike<number>, Number) }
  if (out.data.length !== count(shape)) throw new Error(`${out.data.length} values do not fill [${shape}]`)
  return out
}

export const count = (shape: ReadonlyArray<number>): number => shape.reduce((n, d) => n * d, 1)

const build = (shape: ReadonlyArray<number>, at: (index: ReadonlyArray<number>, flat: number) => number): Value => {
  const data = new Float64Array(count(shape))
  const index = shape.map(() => 0)
  for (let flat = 0; flat < data.length; flat++) {
    data[flat] = at(index, flat)
    for (let d = shape.length - 1; d >= 0; d--) {
      if (++index[d]! < shape[d]!) break
      index[d] = 0
    }
  }
  return { shape, data }
}

/** Element at an index; dimensions of length 1 stretch and missing leading ones are ignored. */
const read = (v: Value, index: ReadonlyArray<number>): number => {
  let flat = 0
  for (let d = 0; d < v.shape.length; d++) {
    const i = index[index.length - v.shape.length + d]!
    flat = flat * v.shape[d]! + (v.shape[d] === 1 ? 0 : i)
  }
  return v.data[flat]!
}

const broadcast = (...shapes: ReadonlyArray<ReadonlyArray<number>>): ReadonlyArray<number> => {
  const rank = Math.max(...shapes.map((s) => s.length))
  return Array.from({ length: rank }, (_, i) => {
    const dims = shapes.map((s) => s[i - rank + s.length] ?? 1).filter((d) => d !== 1)
    if (new Set(dims).size > 1) throw new Error(`cannot broadcast ${JSON.stringify(shapes)}`)
    return dims[0] ?? 1
  })
}

const elementwise =
  (f: (...xs: ReadonlyArray<number>) => number) => (inputs: ReadonlyArray<Value>): ReadonlyArray<Value> => {
    const shape = broadcast(...inputs.map((v) => v.shape))
    const xs = inputs.map(() => 0)
    return [build(shape, (index) => {
      for (let i = 0; i < inputs.length; i++) xs[i] = read(inputs[i]!, index)
      return f(...xs)
    })]
  }

/** A value for each row of the last axis: `f` fills `out` from `row`. */
const alongLast = (x: Value, f: (row: Float64Array, out: Float64Array) => void): Value => {
  const width = x.shape.at(-1)!
  const data = new Float64Array(x.data.length)
  for (let at = 0; at < data.length; at += width) f(x.data.subarray(at, at + width), data.subarray(at, at + width))
  return { shape: x.shape, data }
}

const reduce =
  (f: (xs: ReadonlyArray<number>) => number) => ([x]: ReadonlyArray<Value>, node: Node): ReadonlyArray<Value> => {
    const axes = node.attributes["axes"] as ReadonlyArray<number>
    const keptAxes = x!.shape.map((_, i) => i).filter((i) => !axes.includes(i))
    const groups = new Map<number, Array<number>>()
    const shape = keptAxes.map((i) => x!.shape[i]!)
    build(x!.shape, (index, flat) => {
      const group = keptAxes.reduce((n, i) => n * x!.shape[i]! + index[i]!, 0)
      const held = groups.get(group)
      if (held === undefined) groups.set(group, [x!.data[flat]!])
      else held.push(x!.data[flat]!)
      return 0
    })
    return [build(shape, (_, flat) => f(groups.get(flat)!))]
  }

const total = (xs: ArrayLike<number>): number => {
  let sum = 0
  for (let i = 0; i < xs.length; i++) sum += xs[i]!
  return sum
}

const logSumExp = (xs: ReadonlyArray<number>): number => {
  const top = Math.max(...xs)
  return top + Math.log(total(xs.map((x) => Math.exp(x - top))))
}

/** 2/√π·e^(−x²)·Σ 2ⁿx^(2n+1)/(2n+1)!!: every term has the same sign, so nothing cancels. */
export const erf = (x: number): number => {
  if (Math.abs(x) > 6) return Math.sign(x)
  let term = x
  let sum = x
  for (let n = 1; n < 200; n++) {
    term *= 2 * x * x / (2 * n + 1)
    sum += term
  }
  return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** `[out, blocks · block]`: integers unpacked, the lower half of a byte first, and scaled by their blocks. */
const dequantized = (integers: Value, scales: Value, attributes: Node["attributes"]): Value => {
  const [bits, block] = [attributes["bits"] as number, attributes["block"] as number]
  const each = 8 / bits
  return build([scales.shape[0]!, scales.shape[1]! * block], (_, flat) => {
    const byte = integers.data[Math.floor(flat / each)]!
    const q = Math.floor(byte / 2 ** (bits * (flat % each))) % 2 ** bits
    return scales.data[Math.floor(flat / block)]! * (q - 2 ** (bits - 1))
  })
}

const matmul = (a: Value, b: Value, transA: boolean, transB: boolean, alpha: number): Value => {
  const swap = (v: Value) => {
    const order = v.shape.map((_, i) => i)
    order.push(...order.splice(-2).reverse())
    return transpose(v, order)
  }
  const left = transA ? swap(a) : a
  const right = transB ? swap(b) : b
  const [m, k] = left.shape.slice(-2) as [number, number]
  const [k2, n] = right.shape.slice(-2) as [number, number]
  if (k !== k2) throw new Error(`inner lengths ${k} and ${k2} differ`)
  const batch = broadcast(left.shape.slice(0, -2), right.shape.slice(0, -2))
  const out = new Float64Array(count(batch) * m * n)
  // The matrix of each operand that an output matrix is made of; dimensions of length 1 stretch.
  const matrices = (v: Value) => {
    const leading = v.shape.slice(0, -2)
    const numbers = { shape: leading, data: Float64Array.from({ length: count(leading) }, (_, i) => i) }
    return build(batch, (index) => read(numbers, index)).data
  }
  const [lefts, rights] = [matrices(left), matrices(right)]
  for (let which = 0; which < lefts.length; which++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0
        for (let l = 0; l < k; l++) {
          sum += left.data[(lefts[which]! * m + i) * k + l]! * right.data[(rights[which]! * k + l) * n + j]!
        }
        out[(which * m + i) * n + j] = alpha * sum
      }
    }
  }
  return { shape: [...batch, m, n], data: out }
}

const transpose = (x: Value, permutation: ReadonlyArray<number>): Value => {
  const from = x.shape.map(() => 0)
  return build(permutation.map((i) => x.shape[i]!), (index) => {
    for (let target = 0; target < permutation.length; target++) from[permutation[target]!] = index[target]!
    return read(x, from)
  })
}

const gather = (table: Value, indices: Value): Value => {
  const rest = table.shape.slice(1)
  const width = count(rest)
  return build([...indices.shape, ...rest], (_, flat) => {
    const row = indices.data[Math.floor(flat / width)]!
    if (row < 0 || row >= table.shape[0]!) throw new Error(`row ${row} of ${table.shape[0]}`)
    return table.data[row * width + flat % width]!
  })
}

type Evaluate = (inputs: ReadonlyArray<Value>, node: Node) => ReadonlyArray<Value>

const cell = (v: Value, index: ReadonlyArray<number>, axis: number, at: number): number =>
  read(v, index.map((i, d) => d === axis ? at : i))

const operators: Readonly<Record<string, Evaluate>> = {
  constant: (_, node) => [value(node.value!, node.outputs[0]!.shape)],
  add: elementwise((a, b) => a! + b!),
  sub: elementwise((a, b) => a! - b!),
  mul: elementwise((a, b) => a! * b!),
  div: (inputs, node) =>
    elementwise((a, b) => node.outputs[0]!.dtype === "f32" ? a! / b! : Math.trunc(a! / b!))(inputs),
  minimum: elementwise((a, b) => Math.min(a!, b!)),
  maximum: elementwise((a, b) => Math.max(a!, b!)),
  less: elementwise((a, b) => Number(a! < b!)),
  lessOrEqual: elementwise((a, b) => Number(a! <= b!)),
  equals: elementwise((a, b) => Number(a === b)),
  and: elementwise((a, b) => Number(a !== 0 && b !== 0)),
  or: elementwise((a, b) => Number(a !== 0 || b !== 0)),
  not: elementwise((a) => Number(a === 0)),
  neg: elementwise((a) => -a!),
  exp: elementwise((a) => Math.exp(a!)),
  log: elementwise((a) => Math.log(a!)),
  sqrt: elementwise((a) => Math.sqrt(a!)),
  sigmoid: elementwise((a) => sigmoid(a!)),
  tanh: elementwise((a) => Math.tanh(a!)),
  erf: elementwise((a) => erf(a!)),
  cos: elementwise((a) => Math.cos(a!)),
  sin: elementwise((a) => Math.sin(a!)),
  gelu: elementwise((a) => 0.5 * a! * (1 + erf(a! / Math.SQRT2))),
  geluTanh: elementwise((a) => 0.5 * a! * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (a! + 0.044715 * a! ** 3)))),
  quickGelu: (inputs, node) => elementwise((a) => a! * sigmoid(a! * (node.attributes["alpha"] as number)))(inputs),
  cast: (inputs, node) => {
    const to = node.outputs[0]!.dtype
    return elementwise((a) => to === "f32" ? a! : to === "bool" ? Number(a !== 0) : Math.trunc(a!))(inputs)
  },
  where: elementwise((c, a, b) => c !== 0 ? a! : b!),
  stopGradient: ([x]) => [x!],
  checkpoint: ([x]) => [x!],
  // A value with its own derivative: the value is the first input.
  custom: ([x]) => [x!],
  sum: reduce((xs) => total(xs)),
  mean: reduce((xs) => total(xs) / xs.length),
  max: reduce((xs) => Math.max(...xs)),
  logSumExp: reduce(logSumExp),
  softmax: ([x]) => [alongLast(x!, (row, out) => {
    const norm = logSumExp([...row])
    row.forEach((v, i) => out[i] = Math.exp(v - norm))
  })],
  argmax: ([x]) => {
    const width = x!.shape.at(-1)!
    return [build(x!.shape.slice(0, -1), (_, flat) => {
      const row = x!.data.subarray(flat * width, (flat + 1) * width)
      return row.indexOf(Math.max(...row))
    })]
  },
  cumulativeSum: ([x]) => [alongLast(x!, (row, out) => {
    let sum = 0
    row.forEach((v, i) => out[i] = sum += v)
  })],
  fill: ([x], node) => [build(node.attributes["shape"] as ReadonlyArray<number>, () => x!.data[0]!)],
  reshape: ([x], node) => {
    const wanted = node.attributes["shape"] as ReadonlyArray<number>
    const known = wanted.reduce((n, d) => d === -1 ? n : n * d, 1)
    return [value(x!.data, wanted.map((d) => d === -1 ? x!.data.length / known : d))]
  },
  transpose: ([x], node) => [transpose(x!, node.attributes["permutation"] as ReadonlyArray<number>)],
  concat: (parts, node) => {
    const axis = node.attributes["axis"] as number
    const length = total(parts.map((p) => p.shape[axis]!))
    return [build(parts[0]!.shape.map((d, i) => i === axis ? length : d), (index) => {
      let at = index[axis]!
      for (const part of parts) {
        if (at < part.shape[axis]!) return cell(part, index, axis, at)
        at -= part.shape[axis]!
      }
      throw new Error("outside every part")
    })]
  },
  slice: ([x], node) => {
    const { axis, end, start } = node.attributes as {
      readonly axis: number
      readonly end: number
      readonly start: number
    }
    return [
      build(
        x!.shape.map((d, i) => i === axis ? end - start : d),
        (index) => cell(x!, index, axis, index[axis]! + start)
      )
    ]
  },
  split: ([x], node) => {
    const axis = node.attributes["axis"] as number
    let start = 0
    return node.outputs.map(({ shape }) => {
      const from = start
      start += shape[axis]!
      return build(shape, (index) => cell(x!, index, axis, index[axis]! + from))
    })
  },
  tail: ([x], node) => {
    const { axis, start } = node.attributes as { readonly axis: number; readonly start: number }
    return [
      build(
        x!.shape.map((d, i) => i === axis ? Math.max(0, d - start) : d),
        (index) => cell(x!, index, axis, index[axis]! + start)
      )
    ]
  },
  sortDescending: ([x]) => [alongLast(x!, (row, out) => out.set([...row].sort((a, b) => b - a)))],
  expand: ([x], node) => {
    const shape = broadcast(x!.shape, node.attributes["shape"] as ReadonlyArray<number>)
    return [build(shape, (index) => read(x!, index))]
  },
  gather: ([table, indices]) => [gather(table!, indices!)],
  deal: ([x, , ...rowIn]) => rowIn.map((rows) => gather(x!, rows)),
  collect: (inputs, node) => {
    const tables = inputs.slice(0, node.attributes["tables"] as number)
    const rows = tables.reduce((n, { shape }) => n + shape[0]!, 0)
    const whole = value(tables.flatMap(({ data }) => [...data]), [rows, ...tables[0]!.shape.slice(1)])
    return [gather(whole, inputs[tables.length]!)]
  },
  /** target, indices `[n, width]` (a row's index repeated) and updates `[n, width]`. */
  scatterAdd: ([target, indices, updates]) => {
    const data = target!.data.slice()
    const width = target!.shape[1]!
    updates!.data.forEach((u, flat) => data[indices!.data[flat]! * width + flat % width]! += u)
    return [{ shape: target!.shape, data }]
  },
  pick: ([x, indices]) => [build([x!.shape[0]!], (_, row) => x!.data[row * x!.shape[1]! + indices!.data[row]!]!)],
  matmul: (
    [a, b],
    { attributes }
  ) => [matmul(a!, b!, attributes["transA"] === 1, attributes["transB"] === 1, attributes["alpha"] as number)],
  linear: ([x, weight, bias]) => elementwise((a, b) => a! + b!)([matmul(x!, weight!, false, true, 1), bias!]),
  quantizedMatmul: ([x, blocks, scales], { attributes }) => {
    const inner = attributes["inner"] as number
    const whole = dequantized(blocks!, scales!, attributes)
    return [
      matmul(
        x!,
        build([whole.shape[0]!, inner], ([row, column]) => whole.data[row! * whole.shape[1]! + column!]!),
        false,
        true,
        1
      )
    ]
  },
  dequantize: ([rows, order, scales], { attributes }) => {
    const whole = dequantized(rows!, scales!, attributes)
    return [build(whole.shape, ([row, column]) => whole.data[order!.data[row!]! * whole.shape[1]! + column!]!)]
  },
  unpackedMatmul: ([x, weight]) => [matmul(x!, weight!, false, true, 1)],
  layerNorm: ([x, weight, bias], node) => {
    const width = x!.shape.at(-1)!
    const rows = Array.from({ length: x!.data.length / width }, (_, i) => x!.data.subarray(i * width, (i + 1) * width))
    const means = rows.map((row) => total(row) / width)
    const inverses = rows.map((row, i) =>
      1 / Math.sqrt(total(row.map((v) => (v - means[i]!) ** 2)) / width + (node.attributes["epsilon"] as number))
    )
    const shape = [...x!.shape.slice(0, -1), 1]
    return [
      build(x!.shape, (index, flat) => {
        const row = Math.floor(flat / width)
        return (x!.data[flat]! - means[row]!) * inverses[row]! * weight!.data[index.at(-1)!]! +
          bias!.data[index.at(-1)!]!
      }),
      value(means, shape),
      value(inverses, shape)
    ]
  },
  rmsNorm: ([x, weight], node) => {
    const width = x!.shape.at(-1)!
    const rows = Array.from({ length: x!.data.length / width }, (_, i) => x!.data.subarray(i * width, (i + 1) * width))
    const inverses = rows.map((row) =>
      1 / Math.sqrt(total(row.map((v) => v * v)) / width + (node.attributes["epsilon"] as number))
    )
    return [
      build(
        x!.shape,
        (index, flat) => x!.data[flat]! * inverses[Math.floor(flat / width)]! * weight!.data[index.at(-1)!]!
      ),
      value(inverses, [...x!.shape.slice(0, -1), 1])
    ]
  },
  /**
   * x `[batch, heads, length, d]` or `[batch, length, heads·d]`: pair (j, j + d/2) of a head turned by the angle in row
   * positions[batch, length] of the tables.
   */
  rotary: ([x, positions, cosines, sines]) => {
    const half = cosines!.shape[1]!
    const flatHeads = x!.shape.length === 3
    const length = x!.shape[flatHeads ? 1 : 2]!
    return [build(x!.shape, (index, flat) => {
      const [b, t, column] = [index[0]!, index[flatHeads ? 1 : 2]!, index.at(-1)!]
      const j = column % (2 * half)
      const angle = positions!.data[b * length + t]! * half + j % half
      const [c, s] = [cosines!.data[angle]!, sines!.data[angle]!]
      return j < half ? x!.data[flat]! * c - x!.data[flat + half]! * s : x!.data[flat]! * c + x!.data[flat - half]! * s
    })]
  }
}

/** Names of operators this file can evaluate. */
export const known: ReadonlySet<string> = new Set([...Object.keys(operators), "input", "parameter", "loop"])

type Environment = Map<Node, ReadonlyArray<Value>>

/** Nodes of a loop body that depend on its parameters. */
const local = (node: Node): ReadonlySet<Node> => {
  const found = new Set<Node>(node.body!.parameters.map((t) => t.node))
  for (const each of Autodiff.ancestors(node.body!.results)) {
    if (each.inputs.some((t) => found.has(t.node))) found.add(each)
  }
  return found
}

const fits = (made: Value, tensor: Tensor, name: string): void => {
  const { shape } = tensor
  if (made.shape.length !== shape.length || shape.some((d, i) => d !== -1 && d !== made.shape[i])) {
    throw new Error(`${name} made [${made.shape}], its shape says [${shape}]`)
  }
}

const lookup = (environment: Environment, tensor: Tensor): Value => {
  const held = environment.get(tensor.node)?.[tensor.index]
  if (held === undefined) throw new Error(`no value for an output of "${tensor.node.op.name}"`)
  return held
}

const runLoop = (node: Node, inputs: ReadonlyArray<Value>, outer: Environment, feeds: Feeds): ReadonlyArray<Value> => {
  const { parameters, results } = node.body!
  const [turn, condition, ...carriedParameters] = parameters
  const trips = inputs[0]!.data[0]!
  let proceed = inputs[1]!.data[0] !== 0
  let carried = inputs.slice(2)
  const stacks: Array<Array<Value>> = results.slice(1 + carried.length).map(() => [])
  const inside = local(node)
  for (let trip = 0; trip < trips && proceed; trip++) {
    const environment: Environment = new Map(outer)
    environment.set(turn!.node, [value([trip], [])])
    environment.set(condition!.node, [value([1], [])])
    carriedParameters.forEach((p, i) => environment.set(p.node, [carried[i]!]))
    run(Autodiff.ancestors(results).filter((n) => inside.has(n)), environment, feeds)
    const values = results.map((t) => lookup(environment, t))
    proceed = values[0]!.data[0] !== 0
    carried = values.slice(1, 1 + carried.length)
    values.slice(1 + carried.length).forEach((v, i) => stacks[i]!.push(v))
  }
  const stacked = stacks.map((turns, i) => {
    const shape = [turns.length, ...(turns[0]?.shape ?? results[1 + carried.length + i]!.shape)]
    return value(turns.flatMap((v) => [...v.data]), shape)
  })
  return [...carried, ...stacked]
}

const run = (order: ReadonlyArray<Node>, environment: Environment, feeds: Feeds): void => {
  const bodies = new Set<Node>()
  for (const node of order) if (node.body !== undefined) { for (const each of local(node)) bodies.add(each) }
  for (const node of order) {
    if (environment.has(node) || bodies.has(node)) continue
    const inputs = node.inputs.map((t) => lookup(environment, t))
    const evaluate = operators[node.op.name]
    let outputs: ReadonlyArray<Value>
    if (node.name !== undefined) {
      const fed = feeds[node.name]
      if (fed === undefined) throw new Error(`input "${node.name}" is not fed`)
      outputs = [fed]
    } else if (node.body !== undefined) outputs = runLoop(node, inputs, environment, feeds)
    else if (evaluate !== undefined) outputs = evaluate(inputs, node)
    else throw new Error(`the reference does not know operator "${node.op.name}"`)
    node.outputs.forEach((t, i) => fits(outputs[i]!, t, node.op.name))
    environment.set(node, outputs)
  }
}

export type Feeds = Readonly<Record<string, Value>>

/** Values of the tensors in float64. */
export const evaluate = (outputs: ReadonlyArray<Tensor>, feeds: Feeds): ReadonlyArray<Value> => {
  const environment: Environment = new Map()
  run(Autodiff.ancestors(outputs), environment, feeds)
  return outputs.map((t) => lookup(environment, t))
}

/** Largest difference relative to the largest entry of the expected values. */
export const relativeError = (found: ArrayLike<number>, expected: ArrayLike<number>): number => {
  if (found.length !== expected.length) return Infinity
  let difference = 0
  let scale = 0
  for (let i = 0; i < expected.length; i++) {
    const d = Math.abs(found[i]! - expected[i]!)
    if (!(d <= difference)) difference = d
    scale = Math.max(scale, Math.abs(expected[i]!))
  }
  return difference === 0 ? 0 : difference / Math.max(scale, 1e-12)
}
