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

const { add, advance, all, constant, get, mul, set, until } = Code

/** Bytes of a row that one step down columns takes. */
export const vectorBytes = 16

/** Bytes of two weights. */
export const pairBytes = 8

/** Two weights as they lie in memory. */
export const pair = (a: number, b: number): readonly [higher: number, lower: number] => [
  a >> 8 & 0xffff | b >> 8 << 16,
  a & 255 | (b & 255) << 16
]

/** A pair of weights in all places of two vectors: read once for all sums that take them. */
const weighing = ({ vector }: Fresh) => {
  const [higher, lower] = [vector(), vector()]
  return {
    higher,
    lower,
    load: (from: Code.Code, offset: number): Code.Code =>
      all(set(higher, Code.loadSplat(from, offset)), set(lower, Code.loadSplat(from, offset + 4)))
  }
}

type Weighing = ReturnType<typeof weighing>

/** A sum of four numbers, and what adds a product to it. `value` are halves, source by source of a pair. */
const sum = ({ vector }: Fresh) => {
  const [higher, lower] = [vector(), vector()]
  const plus = (local: Code.Local, value: Code.Code, weights: Code.Local) =>
    set(local, Code.addNumbers(get(local), Code.dot(value, get(weights))))
  return {
    begin: all(set(higher, Code.splat(constant(0))), set(lower, Code.splat(constant(half)))),
    /** `value` is read twice. */
    add: (value: Code.Code, weights: Weighing): Code.Code =>
      all(plus(higher, value, weights.higher), plus(lower, value, weights.lower)),
    end: Code.shiftNumbersRight(
      Code.addNumbers(Code.shiftNumbersLeft(get(higher), constant(8)), get(lower)),
      constant(fractionBits)
    )
  }
}

/** Pixels that one step along a row takes: twelve bytes of a load, two pairs of weights. */
export const group = 4

/** Rows that go along together, for weights are read once for all of them. */
export const rowsAlong = 3

/** Bytes of a pair of pixels as halves, channel by channel, two pixels side by side; the fourth places are 0. */
const halvesOf = (first: number) =>
  [0, 1, 2].flatMap((channel) => [first + channel, 255, first + channel + 3, 255]).concat(255, 255, 255, 255)

/** What `along` finds at 0: where the bytes of a group's first pair lie, and those of its second. */
export const places = Uint8Array.from([...halvesOf(0), ...halvesOf(6)])

/**
 * Along rows, `rowsAlong` at a time: what is behind the last is read and written too. The table has an entry for each
 * pixel of the result: where its first source begins in a row, in bytes, and its weights, group by group.
 */
export const along: Definition = {
  parameters: 8,
  body: (parameter, fresh) => {
    const [source, sourceLine, target, targetLine] = [parameter(0), parameter(1), parameter(2), parameter(3)]
    const [targetEnd, table, tableEnd, entryBytes] = [parameter(4), parameter(5), parameter(6), parameter(7)]
    const [entry, entryEnd, weights] = [fresh.number(), fresh.number(), fresh.number()]
    const [into, at, bytes, value] = [fresh.number(), fresh.number(), fresh.vector(), fresh.vector()]
    const [first, second] = [weighing(fresh), weighing(fresh)]
    const rows = Array.from({ length: rowsAlong }, () => ({ from: fresh.number(), total: sum(fresh) }))
    // Held in vectors: a constant would be put together again for each pixel.
    const [firstPlaces, secondPlaces] = [fresh.vector(), fresh.vector()]
    const product = ({ total }: typeof rows[number], places: Code.Local, weights: Weighing) =>
      all(set(value, Code.pick(get(bytes), get(places))), total.add(get(value), weights))
    const go = until(
      target,
      get(targetEnd),
      mul(get(targetLine), constant(rowsAlong)),
      all(
        set(into, get(target)),
        set(entry, get(table)),
        until(
          entry,
          get(tableEnd),
          get(entryBytes),
          all(
            ...rows.map(({ from, total }, i) => {
              const before = rows[i - 1]
              const begin = before === undefined
                ? add(get(source), Code.load32(get(entry)))
                : add(get(before.from), get(sourceLine))
              return all(set(from, begin), total.begin)
            }),
            set(weights, add(get(entry), constant(4))),
            set(entryEnd, add(get(entry), get(entryBytes))),
            until(
              weights,
              get(entryEnd),
              constant(2 * pairBytes),
              all(
                first.load(get(weights), 0),
                second.load(get(weights), pairBytes),
                ...rows.map((row) =>
                  all(
                    set(bytes, Code.loadVector(get(row.from))),
                    advance(row.from, constant(3 * group)),
                    product(row, firstPlaces, first),
                    product(row, secondPlaces, second)
                  )
                )
              )
            ),
            set(at, get(into)),
            ...rows.map(({ total }) =>
              all(
                set(bytes, total.end),
                set(bytes, Code.numbersToHalves(get(bytes), get(bytes))),
                // A byte too many, which the next pixel overwrites.
                Code.storeFirst32(get(at), Code.halvesToBytes(get(bytes), get(bytes))),
                advance(at, get(targetLine))
              )
            ),
            advance(into, constant(3))
          )
        ),
        advance(source, mul(get(sourceLine), constant(rowsAlong)))
      )
    )
    return all(
      set(firstPlaces, Code.loadVector(constant(0))),
      set(secondPlaces, Code.loadVector(constant(vectorBytes))),
      go
    )
  }
}

/** Down columns: one row of the result, to the next multiple of `vectorBytes`. */
export const down: Definition = {
  parameters: 6,
  body: (parameter, fresh) => {
    const [source, line, target, targetEnd] = [parameter(0), parameter(1), parameter(2), parameter(3)]
    const [table, tableEnd] = [parameter(4), parameter(5)]
    const [from, weights, upper, lower, bytes, value] = [
      fresh.number(),
      fresh.number(),
      fresh.vector(),
      fresh.vector(),
      fresh.vector(),
      fresh.vector()
    ]
    const pair = weighing(fresh)
    const sums = [sum(fresh), sum(fresh), sum(fresh), sum(fresh)] as const
    const side = (first: number) => Array.from({ length: 16 }, (_, i) => first + (i >> 1) + 16 * (i & 1))
    const product = (total: ReturnType<typeof sum>, halves: Code.Code) =>
      all(set(value, halves), total.add(get(value), pair))
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
            pair.load(get(weights), 0),
            set(upper, Code.loadVector(get(from))),
            advance(from, get(line)),
            set(lower, Code.loadVector(get(from))),
            advance(from, get(line)),
            set(bytes, Code.shuffle(get(upper), get(lower), side(0))),
            product(sums[0], Code.widenFirst(get(bytes))),
            product(sums[1], Code.widenLast(get(bytes))),
            set(bytes, Code.shuffle(get(upper), get(lower), side(8))),
            product(sums[2], Code.widenFirst(get(bytes))),
            product(sums[3], Code.widenLast(get(bytes)))
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
