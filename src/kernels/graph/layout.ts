/** Operators that move values without changing them. */
import { zeros } from "./fill.ts"
import { axis as resolve, equal, fail, type Shape, size } from "./Shape.ts"
import { node as makeNode, type Operator, single, type Tensor } from "./Tensor.ts"

const reshapeOperator: Operator = {
  name: "reshape",
  emit: (node, inputs, outputs, to) =>
    to.node("Reshape", [inputs[0] as string, to.ints(node.attributes["shape"] as ReadonlyArray<number>)], outputs),
  vjp: (node, [g]) => g === undefined ? [] : [reshape(g, (node.inputs[0] as Tensor).shape)]
}
/** Same values in another shape. In a loop body one dimension may be -1. */
export const reshape = (x: Tensor, shape: Shape): Tensor => {
  if (equal(x.shape, shape) && !shape.includes(-1)) return x
  const [from, to] = [size(x.shape), size(shape)]
  if (from !== -1 && to !== -1 && from !== to) return fail("reshape", `${from} values do not fit ${to}`, x.shape, shape)
  const unknown = shape.indexOf(-1)
  const known = shape.reduce((n, d) => d === -1 ? n : n * d, 1)
  const result = unknown >= 0 && from !== -1 ? shape.map((d, i) => i === unknown ? from / known : d) : shape
  return single(reshapeOperator, [x], result, x.dtype, { shape: [...shape] })
}

const transposeOperator: Operator = {
  name: "transpose",
  emit: (node, inputs, outputs, to) =>
    to.node("Transpose", inputs, outputs, { perm: { ints: node.attributes["permutation"] as ReadonlyArray<number> } }),
  vjp: (node, [g]) => {
    if (g === undefined) return []
    const permutation = node.attributes["permutation"] as ReadonlyArray<number>
    const inverse = permutation.map((_, i) => permutation.indexOf(i))
    return [transpose(g, inverse)]
  }
}
/** Output axis `i` is input axis `permutation[i]`. */
export const transpose = (x: Tensor, permutation: ReadonlyArray<number>): Tensor => {
  if ([...permutation].sort((a, b) => a - b).some((d, i) => d !== i) || permutation.length !== x.shape.length) {
    return fail("transpose", `${permutation.join(",")} is not a permutation of the axes`, x.shape)
  }
  return single(transposeOperator, [x], permutation.map((i) => x.shape[i] as number), x.dtype, {
    permutation: [...permutation]
  })
}

const concatOperator: Operator = {
  name: "concat",
  emit: (node, inputs, outputs, to) =>
    to.node("Concat", inputs, outputs, { axis: { i: node.attributes["axis"] as number } }),
  vjp: (node, [g]) => {
    if (g === undefined) return []
    const axis = node.attributes["axis"] as number
    let start = 0
    return node.inputs.map((part) => {
      const length = part.shape[axis] as number
      start += length
      return part.dtype === "f32" ? slice(g, axis, start - length, start) : undefined
    })
  }
}
export const concat = (parts: ReadonlyArray<Tensor>, axis: number): Tensor => {
  const first = parts[0] ?? fail("concat", "nothing to join")
  const at = resolve("concat", first.shape, axis)
  let total = 0
  for (const { shape } of parts) {
    if (
      shape.length !== first.shape.length ||
      shape.some((d, i) => i !== at && d !== first.shape[i] && d !== -1 && first.shape[i] !== -1)
    ) {
      return fail("concat", `shapes differ off axis ${at}`, first.shape, shape)
    }
    const length = shape[at] as number
    total = total === -1 || length === -1 ? -1 : total + length
  }
  if (parts.length === 1) return first
  return single(concatOperator, parts, first.shape.map((d, i) => i === at ? total : d), first.dtype, { axis: at })
}

const sliceOperator: Operator = {
  name: "slice",
  emit: (node, [x], outputs, to) => {
    const { axis, end, start } = node.attributes as Readonly<Record<string, number>>
    to.node(
      "Slice",
      [x as string, to.ints([start as number]), to.ints([end as number]), to.ints([axis as number])],
      outputs
    )
  },
  vjp: (node, [g]) => {
    if (g === undefined) return []
    const { axis, end, start } = node.attributes as {
      readonly axis: number
      readonly end: number
      readonly start: number
    }
    const whole = (node.inputs[0] as Tensor).shape
    const pad = (length: number) => zeros(whole.map((d, i) => i === axis ? length : d))
    const length = whole[axis] as number
    return [concat([...(start > 0 ? [pad(start)] : []), g, ...(end < length ? [pad(length - end)] : [])], axis)]
  }
}
/** Elements `start` to `end` (exclusive) along one axis. */
export const slice = (x: Tensor, axis: number, start: number, end: number): Tensor => {
  const at = resolve("slice", x.shape, axis)
  const length = x.shape[at] as number
  if (start < 0 || end < start || (length !== -1 && end > length)) {
    return fail("slice", `${start}:${end} is outside axis ${at}`, x.shape)
  }
  if (start === 0 && end === length) return x
  return single(sliceOperator, [x], x.shape.map((d, i) => i === at ? end - start : d), x.dtype, {
    axis: at,
    start,
    end
  })
}

const splitOperator: Operator = {
  name: "split",
  emit: (node, [x], outputs, to) => {
    const axis = node.attributes["axis"] as number
    const lengths = node.outputs.map(({ shape }) => shape[axis] as number)
    to.node("Split", [x as string, to.ints(lengths)], outputs, { axis: { i: axis } })
  },
  vjp: (node, cotangents) =>
    cotangents.every((g) => g === undefined)
      ? []
      : [concat(node.outputs.map(({ shape }, i) => cotangents[i] ?? zeros(shape)), node.attributes["axis"] as number)]
}
/** Runs of `lengths` elements along one axis, which they fill. */
export const split = (x: Tensor, axis: number, lengths: ReadonlyArray<number>): ReadonlyArray<Tensor> => {
  const at = resolve("split", x.shape, axis)
  if (lengths.reduce((sum, length) => sum + length, 0) !== x.shape[at] || lengths.some((length) => length < 0)) {
    return fail("split", `${lengths.join(" + ")} do not fill axis ${at}`, x.shape)
  }
  if (lengths.length === 1) return [x]
  const outputs = lengths.map((length) => ({ shape: x.shape.map((d, i) => i === at ? length : d), dtype: x.dtype }))
  return makeNode(splitOperator, [x], outputs, { axis: at })
}

const tailOperator: Operator = {
  name: "tail",
  emit: (node, [x], outputs, to) => {
    const { axis, start } = node.attributes as Readonly<Record<string, number>>
    to.node(
      "Slice",
      [x as string, to.ints([start as number]), to.ints([0x7fffffff]), to.ints([axis as number])],
      outputs
    )
  }
}
/** Elements from `start` on along an axis whose length grows while a loop runs. */
export const tail = (x: Tensor, axis: number, start: number): Tensor =>
  single(tailOperator, [x], x.shape.map((d, i) => i === axis ? -1 : d), x.dtype, { axis, start })
