/**
 * Functions of WebAssembly over a memory of their own, compiled when they are first asked for: loops over bytes that
 * JavaScript cannot run on vectors.
 */
import { endianness } from "node:os"
import { type Code, type Local, unsigned } from "./Code.ts"

/** Variables that a function uses beside its parameters. */
export interface Fresh {
  readonly number: () => Local
  readonly vector: () => Local
}

/** A function of numbers that returns nothing. */
export interface Definition {
  readonly parameters: number
  readonly body: (parameter: (i: number) => Local, fresh: Fresh) => Code
}

export type Call = (...parameters: ReadonlyArray<number>) => void

export interface Compiled<Name extends string> {
  readonly calls: Readonly<Record<Name, Call>>
  /**
   * The memory, made at least this long; undefined beyond 16 MiB, for it is kept, and where the machine has not so
   * much. It stays so, and holds what it held; views from before are void.
   */
  readonly memory: (bytes: number) => Uint8Array<ArrayBuffer> | undefined
}

interface Memory {
  readonly buffer: ArrayBuffer
  readonly grow: (pages: number) => number
}

// TypeScript declares it for browsers alone.
declare const WebAssembly: {
  readonly validate: (bytes: Uint8Array<ArrayBuffer>) => boolean
  readonly Module: new(bytes: Uint8Array<ArrayBuffer>) => object
  readonly Memory: new(size: { readonly initial: number }) => Memory
  readonly Instance: new(module: object, imports: { readonly own: { readonly memory: Memory } }) => {
    readonly exports: Readonly<Record<string, Call>>
  }
} | undefined

const [NUMBER, VECTOR, PAGE] = [0x7f, 0x7b, 2 ** 16]
/** Bytes of the longest memory. */
const MOST = 2 ** 24

const text = (value: string): Code => [...unsigned(value.length), ...Buffer.from(value, "latin1")]
const list = (items: ReadonlyArray<Code>): Code => [...unsigned(items.length), ...items.flat()]
const sized = (content: Code): Code => [...unsigned(content.length), ...content]

const encoded = ({ body, parameters }: Definition): Code => {
  const types: Array<number> = []
  const fresh = (type: number) => (): Local => ({ index: parameters + types.push(type) - 1 })
  const code = body((index) => ({ index }), { number: fresh(NUMBER), vector: fresh(VECTOR) })
  return sized([...list(types.map((type) => [1, type])), ...code, 0x0b])
}

/** The module's bytes. */
const assemble = (definitions: Readonly<Record<string, Definition>>): Uint8Array<ArrayBuffer> => {
  const functions = Object.values(definitions)
  const section = (id: number, items: ReadonlyArray<Code>): Code => [id, ...sized(list(items))]
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(
      1,
      functions.map(({ parameters }) => [0x60, ...list(Array.from({ length: parameters }, () => [NUMBER])), 0])
    ),
    ...section(2, [[...text("own"), ...text("memory"), 2, 0, 1]]),
    ...section(3, functions.map((_, i) => unsigned(i))),
    ...section(7, Object.keys(definitions).map((name, i) => [...text(name), 0, ...unsigned(i)])),
    ...section(10, functions.map(encoded))
  ])
}

/** What came of compiling: nothing for ever where the machine has no such loops, nothing now where it has no memory. */
type Outcome<Name extends string> = Compiled<Name> | "never" | "not now"

const attempt = <Name extends string>(definitions: Readonly<Record<Name, Definition>>): Outcome<Name> => {
  // Its memory is little-endian on every machine; arrays that are copied into it need not be.
  if (typeof WebAssembly === "undefined" || endianness() !== "LE") return "never"
  const bytes = assemble(definitions)
  if (!WebAssembly.validate(bytes)) return "never"
  try {
    const memory = new WebAssembly.Memory({ initial: 1 })
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { own: { memory } })
    return {
      calls: exports,
      memory: (least) => {
        if (least > MOST) return undefined
        const missing = least - memory.buffer.byteLength
        try {
          if (missing > 0) memory.grow(Math.ceil(missing / PAGE))
        } catch {
          return undefined
        }
        return new Uint8Array(memory.buffer)
      }
    }
  } catch (error) {
    // What is sound is refused for want of memory alone.
    if (error instanceof RangeError) return "not now"
    throw error
  }
}

/**
 * Functions that are compiled once for each key; nothing where this machine or this Node has no vectors of WebAssembly,
 * which is remembered, too, or no memory for it just then: the next who asks tries again.
 */
export const compiledOnce = <Name extends string, O = void>(
  definitionsOf: (options: O) => Readonly<Record<Name, Definition>>,
  keyOf: (options: O) => string = () => ""
): (options: O) => Compiled<Name> | undefined => {
  const made = new Map<string, Compiled<Name> | "never">()
  return (options) => {
    const key = keyOf(options)
    const known = made.get(key) ?? attempt(definitionsOf(options))
    if (known !== "not now") made.set(key, known)
    return typeof known === "string" ? undefined : known
  }
}
