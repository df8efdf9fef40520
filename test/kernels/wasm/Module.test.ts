/** Functions that are assembled by hand do what they say, on a memory that grows. */
import { assert, describe, it } from "@effect/vitest"
import * as Code from "../../../src/kernels/wasm/Code.ts"
import * as Module from "../../../src/kernels/wasm/Module.ts"

const { add, all, constant, get, mul, set, until } = Code

/** Stores 1², 2², … as numbers of 32 bits from `target` on. */
const squares: Module.Definition = {
  parameters: 2,
  body: (parameter, fresh) => {
    const [target, targetEnd, root] = [parameter(0), parameter(1), fresh.number()]
    return all(
      set(root, constant(1)),
      until(
        target,
        get(targetEnd),
        constant(4),
        all(Code.store32(get(target), mul(get(root), get(root))), Code.advance(root, constant(1)))
      )
    )
  }
}

/** Stores a constant at 0. */
const constantly = (n: number): Module.Definition => ({
  parameters: 0,
  body: () => Code.store32(constant(0), constant(n))
})

/** Sixteen bytes at 0, each pair multiplied by the halves at 16 and added up, clipped to bytes at 32. */
const dots: Module.Definition = {
  parameters: 0,
  body: (_, fresh) => {
    const bytes = fresh.vector()
    const dot = (half: (bytes: Code.Code) => Code.Code) => Code.dot(half(get(bytes)), Code.loadSplat(constant(16)))
    return all(
      set(bytes, Code.loadVector(constant(0))),
      Code.storeVector(
        constant(32),
        Code.halvesToBytes(
          Code.numbersToHalves(dot(Code.widenFirst), dot(Code.widenLast)),
          Code.numbersToHalves(Code.splat(constant(-70_000)), Code.splat(constant(70_000)))
        )
      )
    )
  }
}

const compile = <Name extends string>(definitions: Readonly<Record<Name, Module.Definition>>) =>
  Module.compiledOnce<Name>(() => definitions)()

const compiled = <Name extends string>(definitions: Readonly<Record<Name, Module.Definition>>) => {
  const found = compile(definitions)
  if (found === undefined) throw new Error("no WebAssembly here")
  const { calls, memory } = found
  return {
    calls,
    memory: (bytes: number) => {
      const view = memory(bytes)
      if (view === undefined) throw new Error("no memory")
      return view
    }
  }
}

describe("Module", () => {
  it("runs loops over a memory that keeps what it holds as it grows", () => {
    const { calls, memory } = compiled({ squares })
    const small = memory(1)
    assert.strictEqual(small.length, 65_536)
    calls.squares(65_516, 65_536)
    const large = memory(3 * 65_536 + 1)
    assert.strictEqual(large.length, 4 * 65_536)
    assert.deepStrictEqual([...new Int32Array(large.buffer, 65_516, 6)], [1, 4, 9, 16, 25, 0])
    assert.strictEqual(small.length, 0, "views from before are void")
    // Beyond the memory nothing is written.
    assert.throws(() => calls.squares(4 * 65_536, 4 * 65_536 + 4), /out of bounds/)
  })

  it("says so where the machine has not so much memory", () => {
    // 32 bits of addresses.
    assert.isUndefined(compile({ squares })?.memory(2 ** 33))
  })

  it("encodes numbers of any length", () => {
    for (const n of [0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, -8193, 2 ** 31 - 1, -(2 ** 31)]) {
      const { calls, memory } = compiled({ constantly: constantly(n) })
      calls.constantly()
      assert.strictEqual(new DataView(memory(4).buffer).getInt32(0, true), n)
    }
  })

  it("multiplies, adds up and clips on vectors", () => {
    const { calls, memory } = compiled({ dots })
    const bytes = Array.from({ length: 16 }, (_, i) => 17 * i)
    memory(48).set(bytes)
    new Int16Array(memory(48).buffer, 16, 2).set([-1, 2])
    calls.dots()
    const sums = Array.from({ length: 8 }, (_, i) => 2 * bytes[2 * i + 1]! - bytes[2 * i]!)
    assert.deepStrictEqual([...memory(48).subarray(32, 48)], [
      ...sums.map((sum) => Math.max(0, Math.min(255, sum))),
      ...[0, 0, 0, 0, 255, 255, 255, 255]
    ])
  })

  it("picks bytes of a vector, and 0 for places beyond it", () => {
    const pick: Module.Definition = {
      parameters: 0,
      body: () => {
        const [bytes, places] = [Code.loadVector(constant(0)), Code.loadVector(constant(16))]
        return Code.storeVector(constant(32), Code.pick(bytes, places))
      }
    }
    const { calls, memory } = compiled({ pick })
    const places = [15, 0, 7, 255, 128, 3, 3, 200, ...Array.from({ length: 8 }, (_, i) => 8 + i)]
    memory(48).set([...Array.from({ length: 16 }, (_, i) => 100 + i), ...places])
    calls.pick()
    assert.deepStrictEqual([...memory(48).subarray(32, 48)], places.map((at) => at < 16 ? 100 + at : 0))
  })

  it("is nothing where a function is none, or there is no WebAssembly", () => {
    assert.isUndefined(compile({ broken: { parameters: 0, body: () => add(constant(1), []) } }))
    const own = Object.getOwnPropertyDescriptor(globalThis, "WebAssembly")
    if (own === undefined) throw new Error("no WebAssembly here")
    try {
      Reflect.deleteProperty(globalThis, "WebAssembly")
      assert.isUndefined(compile({ squares }))
    } finally {
      Object.defineProperty(globalThis, "WebAssembly", own)
    }
    assert.isDefined(compile({ squares }))
  })

  describe("compiled once", () => {
    const counted = () => {
      const count = { made: 0 }
      const of = Module.compiledOnce<"constantly", number>((n) => {
        count.made++
        return { constantly: constantly(n) }
      }, String)
      return { count, of }
    }
    /** While the machine has no memory for another one. */
    const without = <A>(member: "Memory" | "validate", instead: unknown, run: () => A): A => {
      const all = Reflect.get(globalThis, "WebAssembly") as object
      const own = Object.getOwnPropertyDescriptor(all, member)
      if (own === undefined) throw new Error("no WebAssembly here")
      try {
        Object.defineProperty(all, member, { ...own, value: instead })
        return run()
      } finally {
        Object.defineProperty(all, member, own)
      }
    }

    it("is one for each key", () => {
      const { count, of } = counted()
      assert.isDefined(of(1))
      assert.strictEqual(of(1), of(1))
      assert.notStrictEqual(of(1), of(2))
      assert.strictEqual(count.made, 2)
    })

    it("is tried again where there was no memory for it, and not where the machine cannot run it", () => {
      const { count, of } = counted()
      class NoMemory {
        constructor() {
          throw new RangeError("WebAssembly.Memory(): could not allocate memory")
        }
      }
      assert.isUndefined(without("Memory", NoMemory, () => of(1)))
      assert.isDefined(of(1))
      assert.strictEqual(count.made, 2)
      assert.isUndefined(without("validate", () => false, () => of(2)))
      assert.isUndefined(of(2))
      assert.strictEqual(count.made, 3)
    })
  })
})
