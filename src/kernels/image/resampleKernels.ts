/**
 * Resampling on vectors: sums of bytes times weights, the same whole numbers as in plain loops.
 *
 * A weight of 23 bits is split into a higher half (16 bits, signed) and a lower one (8 bits), for vectors multiply
 * halves and add up neighbours in one instruction. Weights go in pairs, then: four bytes of two higher halves, four of
 * two lower ones.
 */
import * as Code from "../wasm/Code.ts"
import type { Definition, Fresh } from "../wasm/Module.ts"
import { fractionBits, half } from "./cubic.ts"

const { add, advance, all, constant, get, set, until } = Code

/** Bytes of two weights. */
export const pairBytes = 8

/** Two weights as they lie in memory. */
export const pair = (a: number, b: number): readonly [higher: number, lower: number] => [
  a >> 8 & 0xffff | b >> 8 << 16,
  a & 255 | (b & 255) << 16
]

/** A sum of four numbers, and what adds a product to it. `value` are halves, source by source of a pair. */
const sum = ({ vector }: Fresh) => {
  const [higher, lower] = [vector(), vector()]
  const plus = (local: Code.Local, value: Code.Code, weights: Code.Code, offset: number) =>
    set(local, Code.addNumbers(get(local), Code.dot(value, Code.loadSplat(weights, offset))))
  return {
    begin: all(set(higher, Code.splat(constant(0))), set(lower, Code.splat(constant(half)))),
    add: (value: Code.Code, weights: Code.Code, offset: number): Code.Code =>
      all(plus(higher, value, weights, offset), plus(lower, value, weights, offset + 4)),
    end: Code.shiftNumbersRight(
      Code.addNumbers(Code.shiftNumbersLeft(get(higher), constant(8)), get(lower)),
      constant(fractionBits)
    )
  }
}

/** Pixels that one step along a row takes: twelve bytes of a load, two pairs of weights. */
export const group = 4

/** Six pixels' bytes channel by channel, two pixels side by side; the fourth places hold what nobody reads. */
const byChannel = [0, 3, 1, 4, 2, 5, 0, 0, 6, 9, 7, 10, 8, 11, 0, 0]

/**
 * Along rows. The table has an entry for each pixel of the result: where its first source begins in a row, in bytes,
 * and its weights, group by group.
 */
export const along: Definition = {
  parameters: 8,
  body: (parameter, fresh) => {
    const [source, sourceLine, target, targetLine] = [parameter(0), parameter(1), parameter(2), parameter(3)]
    const [targetEnd, table, tableEnd, entryBytes] = [parameter(4), parameter(5), parameter(6), parameter(7)]
    const [entry, entryEnd, weights] = [fresh.number(), fresh.number(), fresh.number()]
    const [from, into, bytes, total] = [fresh.number(), fresh.number(), fresh.vector(), sum(fresh)]
    return until(
      target,
      get(targetEnd),
      get(targetLine),
      all(
        set(into, get(target)),
        set(entry, get(table)),
        until(
          entry,
          get(tableEnd),
          get(entryBytes),
          all(
            set(from, add(get(source), Code.load32(get(entry)))),
            set(weights, add(get(entry), constant(4))),
            set(entryEnd, add(get(entry), get(entryBytes))),
            total.begin,
            until(
              weights,
              get(entryEnd),
              constant(2 * pairBytes),
              all(
                set(bytes, Code.loadVector(get(from))),
                advance(from, constant(3 * group)),
                set(bytes, Code.shuffle(get(bytes), get(bytes), byChannel)),
                total.add(Code.widenFirst(get(bytes)), get(weights), 0),
                total.add(Code.widenLast(get(bytes)), get(weights), pairBytes)
              )
            ),
            set(bytes, total.end),
            set(bytes, Code.numbersToHalves(get(bytes), get(bytes))),
            // A byte too many, which the next pixel overwrites.
            Code.storeFirst32(get(into), Code.halvesToBytes(get(bytes), get(bytes))),
            advance(into, constant(3))
          )
        ),
        advance(source, get(sourceLine))
      )
    )
  }
}

/** Bytes of a row that one step down columns takes. */
export const vectorBytes = 16

/** Down columns: one row of the result, to the next multiple of `vectorBytes`. */
export const down: Definition = {
  parameters: 6,
  body: (parameter, fresh) => {
    const [source, line, target, targetEnd] = [parameter(0), parameter(1), parameter(2), parameter(3)]
    const [table, tableEnd] = [parameter(4), parameter(5)]
    const [from, weights, upper, lower, bytes] = [
      fresh.number(),
      fresh.number(),
      fresh.vector(),
      fresh.vector(),
      fresh.vector()
    ]
    const sums = [sum(fresh), sum(fresh), sum(fresh), sum(fresh)] as const
    const side = (first: number) => Array.from({ length: 16 }, (_, i) => first + (i >> 1) + 16 * (i & 1))
    return until(
      target,
      get(targetEnd),
      constant(vectorBytes),
      all(
        set(from, get(source)),
        set(weights, get(table)),
        ...sums.map(({ begin }) => begin),
        until(
          weights,
          get(tableEnd),
          constant(pairBytes),
          all(
            set(upper, Code.loadVector(get(from))),
            advance(from, get(line)),
            set(lower, Code.loadVector(get(from))),
            advance(from, get(line)),
            set(bytes, Code.shuffle(get(upper), get(lower), side(0))),
            sums[0].add(Code.widenFirst(get(bytes)), get(weights), 0),
            sums[1].add(Code.widenLast(get(bytes)), get(weights), 0),
            set(bytes, Code.shuffle(get(upper), get(lower), side(8))),
            sums[2].add(Code.widenFirst(get(bytes)), get(weights), 0),
            sums[3].add(Code.widenLast(get(bytes)), get(weights), 0)
          )
        ),
        Code.storeVector(
          get(target),
          Code.halvesToBytes(
            Code.numbersToHalves(sums[0].end, sums[1].end),
            Code.numbersToHalves(sums[2].end, sums[3].end)
          )
        ),
        advance(source, constant(vectorBytes))
      )
    )
  }
}
