/**
 * The frame of a struct in Thrift's compact protocol, walked without building anything.
 *
 * The Parquet library believes the counts that it reads: the announced length of a list is allocated, a number goes on
 * for as long as its bytes say so. What has been walked here has no count that its bytes do not bear out.
 */
import { Result } from "effect"

/** Most values in one struct: twice what a footer of ten thousand row groups with ten columns has. */
const MOST_VALUES = 2 ** 23
/** Deepest nesting; Parquet's own structs are seven deep. */
const DEEPEST = 24
/** Bytes of the longest number: 64 bits, seven a byte. */
const LONGEST = 10

const TRUE = 1
const FALSE = 2
const BYTE = 3
const I16 = 4
const I32 = 5
const I64 = 6
const DOUBLE = 7
const BINARY = 8
const LIST = 9
const STRUCT = 12

/** Throws where a count is not borne out. */
const walk = (view: DataView, start: number): number => {
  let at = start
  let values = 0

  const byte = (): number => {
    if (at >= view.byteLength) throw new RangeError("it ends in the middle of a value")
    return view.getUint8(at++)
  }
  const number = (): number => {
    let value = 0
    for (let i = 0; i < LONGEST; i++) {
      const next = byte()
      value += (next & 0x7f) * 2 ** (7 * i)
      if (next < 0x80) return value
    }
    throw new RangeError(`the number at byte ${at - LONGEST} has no end`)
  }
  /** A length that the rest of the bytes can hold. */
  const length = (what: string): number => {
    const announced = number()
    const left = view.byteLength - at
    if (announced > left) throw new RangeError(`${what} of ${announced} where ${left} bytes are left`)
    return announced
  }
  const text = (): void => {
    const bytes = length("a text")
    at += bytes
  }
  const value = (type: number, depth: number): void => {
    if (++values > MOST_VALUES) throw new RangeError(`more than ${MOST_VALUES} values`)
    if (depth > DEEPEST) throw new RangeError(`nested more than ${DEEPEST} deep`)
    if (type === TRUE || type === FALSE) return
    if (type === BYTE) at += 1
    else if (type === I16 || type === I32 || type === I64) number()
    else if (type === DOUBLE) at += 8
    else if (type === BINARY) text()
    else if (type === LIST) list(depth)
    else if (type === STRUCT) struct(depth)
    else throw new RangeError(`a value of the unknown type ${type} at byte ${at}`)
  }
  const list = (depth: number): void => {
    const head = byte()
    const type = head & 0x0f
    const count = head >> 4 === 15 ? length("a list") : head >> 4
    // A flag takes a byte in a list, and none as a field.
    for (let i = 0; i < count; i++) value(type === TRUE || type === FALSE ? BYTE : type, depth + 1)
  }
  const struct = (depth: number): void => {
    for (let head = byte(); (head & 0x0f) !== 0; head = byte()) {
      if (head >> 4 === 0) number()
      value(head & 0x0f, depth + 1)
    }
  }
  struct(0)
  return at
}

/** Where the struct that begins at `start` ends, or what is wrong with it. */
export const end = (view: DataView, start: number): Result.Result<number, string> =>
  Result.try({
    try: () => walk(view, start),
    catch: (error) => error instanceof Error ? error.message : String(error)
  })
