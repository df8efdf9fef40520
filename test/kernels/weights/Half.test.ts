import { assert, describe, it } from "@effect/vitest"
import * as Keyed from "../../../src/kernels/math/Keyed.ts"
import * as Half from "../../../src/kernels/weights/Half.ts"

/** The engine's own binary16, where the library types do not name it yet. */
const Float16 = (globalThis as unknown as {
  Float16Array: new(buffer: ArrayBuffer | Float32Array) => ArrayLike<number> & { buffer: ArrayBuffer }
}).Float16Array

const everyPattern = Uint16Array.from({ length: 65536 }, (_, i) => i)

/** Random float32 bit patterns, with the neighbourhood of every power of two that matters for rounding. */
const floats = (): Float32Array => {
  const stream = Keyed.stream(1, "half")
  const out = new Float32Array(300_000)
  const bits = new Uint32Array(out.buffer)
  for (let i = 0; i < out.length; i++) {
    if (i < 100_000) bits[i] = stream.int(2 ** 32)
    else out[i] = stream.normal() * 2 ** (stream.int(60) - 35)
  }
  // Exact ties of both formats.
  for (let i = 200_000; i < out.length; i++) bits[i] = (bits[i]! & 0xffff0000) | (i % 2 === 0 ? 0x8000 : 0x1000)
  return out
}

describe("Half", () => {
  it("widens every binary16 pattern as the engine does", () => {
    const ours = new Float32Array(65536)
    Half.fromFloat16(everyPattern, ours)
    const theirs = new Float16(everyPattern.slice().buffer)
    for (let i = 0; i < 65536; i++) {
      if (!Object.is(ours[i], theirs[i])) assert.fail(`pattern ${i}: ${ours[i]} against ${theirs[i]}`)
    }
  })

  it("narrows to binary16 as the engine does", () => {
    const values = floats()
    const ours = new Uint16Array(values.length)
    Half.toFloat16(values, ours)
    const theirs = new Uint16Array(new Float16(values).buffer)
    for (let i = 0; i < values.length; i++) {
      const good = Number.isNaN(values[i]) ? (ours[i]! & 0x7fff) > 0x7c00 : ours[i] === theirs[i]
      if (!good) assert.fail(`value ${values[i]}: ${ours[i]} against ${theirs[i]}; NaN stays NaN`)
    }
  })

  it("narrows to the nearest bfloat16, ties to even", () => {
    const values = floats()
    const bits = new Uint16Array(values.length)
    Half.toBFloat16(values, bits)
    const neighbours = (pattern: number) => Uint16Array.of(pattern - 1, pattern, pattern + 1)
    const wide = new Float32Array(3)
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!
      const pattern = bits[i]!
      Half.fromBFloat16(neighbours(pattern), wide)
      if (Number.isNaN(value)) {
        if (!Number.isNaN(wide[1])) assert.fail(`${wide[1]} for NaN`)
      } else if (Number.isFinite(wide[1]!)) {
        const error = Math.abs(wide[1]! - value)
        for (const other of [wide[0]!, wide[2]!]) {
          if (!Number.isFinite(other)) continue
          const distance = Math.abs(other - value)
          const nearest = error < distance || (error === distance && (pattern & 1) === 0) || other === wide[1]
          if (!nearest) assert.fail(`value ${value}`)
        }
      }
    }
  })

  it("returns every finite bfloat16 pattern unchanged", () => {
    const wide = new Float32Array(65536)
    Half.fromBFloat16(everyPattern, wide)
    const back = new Uint16Array(65536)
    Half.toBFloat16(wide, back)
    for (let i = 0; i < 65536; i++) {
      if (!Number.isNaN(wide[i]) && back[i] !== i) assert.fail(`pattern ${i}: ${back[i]}`)
    }
  })
})
