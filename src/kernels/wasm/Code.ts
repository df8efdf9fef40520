/**
 * Instructions of WebAssembly as the bytes they are, made by functions that read like the arithmetic they stand for.
 *
 * Only what kernels here use. Numbers have 32 bits; vectors hold 16 bytes, 8 halves (of 16 bits) or 4 numbers.
 */

/** Encoded instructions: a value where they leave one on the stack, else a statement. */
export type Code = ReadonlyArray<number>

/** A variable of a function, a number or a vector. */
export interface Local {
  readonly index: number
}

/** LEB128. */
export const unsigned = (n: number): Code => n < 128 ? [n] : [n & 127 | 128, ...unsigned(n >>> 7)]
const signed = (n: number): Code => n >= -64 && n < 64 ? [n & 127] : [n & 127 | 128, ...signed(n >> 7)]

const binary = (...instruction: Code) => (a: Code, b: Code): Code => [...a, ...b, ...instruction]
const unary = (...instruction: Code) => (a: Code): Code => [...a, ...instruction]
/** Vector instructions have numbers of their own. */
const vector = (number: number): Code => [0xfd, ...unsigned(number)]
/** No alignment is promised of any address. */
const place = (offset: number): Code => [0, ...unsigned(offset)]
const load =
  (...instruction: Code) => (address: Code, offset = 0): Code => [...address, ...instruction, ...place(offset)]
const store = (...instruction: Code) => (address: Code, value: Code, offset = 0): Code => [
  ...address,
  ...value,
  ...instruction,
  ...place(offset)
]

export const constant = (n: number): Code => [0x41, ...signed(n)]
export const get = ({ index }: Local): Code => [0x20, ...unsigned(index)]
export const set = ({ index }: Local, value: Code): Code => [...value, 0x21, ...unsigned(index)]
export const add = binary(0x6a)
export const mul = binary(0x6c)
export const shiftLeft = binary(0x74)
const isLess = binary(0x48)
export const load32 = load(0x28)
export const loadByte = load(0x2d)
export const store32 = store(0x36)

/** `local += amount`. */
export const advance = (local: Local, amount: Code): Code => set(local, add(get(local), amount))

/** Statements one after another. */
export const all = (...codes: ReadonlyArray<Code>): Code => codes.flat()

/** `do { body; local += step } while (local < end)`. */
export const until = (local: Local, end: Code, step: Code, body: Code): Code => [
  ...[0x03, 0x40],
  ...body,
  ...advance(local, step),
  ...isLess(get(local), end),
  ...[0x0d, 0],
  0x0b
]

export const loadVector = load(...vector(0))
export const storeVector = store(...vector(11))
/** A number of the memory in all four places. */
export const loadSplat = load(...vector(9))
/** A number in all four places. */
export const splat = unary(...vector(17))
/** Stores the first four bytes. */
export const storeFirst32 = (address: Code, value: Code): Code => [...address, ...value, ...vector(90), ...place(0), 0]
/** Bytes of `a` at the places that the bytes of `places` name, 0 to 15; 0 where a place is 128 or more. */
export const pick = binary(...vector(256))
/** Sixteen bytes out of two vectors: 0 to 15 are those of `a`, 16 to 31 those of `b`. */
export const shuffle = (a: Code, b: Code, bytes: ReadonlyArray<number>): Code => [...a, ...b, ...vector(13), ...bytes]
/** Eight bytes, 0 to 255, as halves: the first eight, and the last. */
export const widenFirst = unary(...vector(137))
export const widenLast = unary(...vector(138))
/** Halves of `a` times those of `b`, with the product beside each added to it. */
export const dot = binary(...vector(186))
export const addNumbers = binary(...vector(174))
export const shiftNumbersLeft = binary(...vector(171))
export const shiftNumbersRight = binary(...vector(172))
/** Numbers as halves, those of `a` first, clipped to what a half holds. */
export const numbersToHalves = binary(...vector(133))
/** Halves as bytes, those of `a` first, clipped to 0 and 255. */
export const halvesToBytes = binary(...vector(102))
