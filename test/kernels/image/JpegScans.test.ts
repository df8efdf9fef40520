/** Progressive JPEGs whose scans stand otherwise than an encoder writes them. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import sharp from "sharp"
import { Decode, Image } from "../../../src/kernels/image/index.ts"
import { passes } from "./scans.ts"

const load = (bytes: Uint8Array) => Decode.load(Image.encoded("it", bytes))

it.effect("scans of a progressive JPEG that come twice or too early do not matter, broken ones do", () =>
  Effect.gen(function*() {
    const noise = Uint8Array.from({ length: 64 * 48 * 3 }, (_, i) => Math.imul(i, 2654435761) >>> 24)
    const whole = yield* Effect.promise(() =>
      sharp(noise, { raw: { width: 64, height: 48, channels: 3 } }).jpeg({ progressive: true, quality: 95 }).toBuffer()
    )
    const { of, scans } = passes(whole)
    const [base = whole, fine = whole, ...rest] = scans
    assert.deepStrictEqual(of(scans), whole)
    const { data } = yield* load(whole)
    const odd = [
      of([fine, base, ...rest]),
      of([fine, rest[0]!, base, ...rest.slice(1)]),
      ...scans.map((scan, i) => of([...scans.slice(0, i + 1), scan, ...scans.slice(i + 1)]))
    ]
    for (const [i, bytes] of odd.entries()) {
      const complains = yield* Effect.flip(
        Effect.tryPromise(() => sharp(bytes, { failOn: "warning" }).raw().toBuffer())
      )
      assert.include(String(complains.cause), "Inconsistent progression sequence")
      assert.deepStrictEqual((yield* load(bytes)).data, data, `odd ${i}`)
    }
    // A scan twice whose data differ, one that is cut, a refinement of what has not come, and too little.
    const other = Buffer.from(fine)
    other[fine.length - 20]! ^= 0x5a
    const cut = fine.subarray(0, fine.length - Math.floor(fine.length / 3))
    const spoiled = [
      of([base, fine, other, ...rest]),
      of([base, cut, ...rest]),
      of(scans.toReversed()),
      of([base, ...rest]).subarray(0, 900)
    ]
    for (const [i, bytes] of spoiled.entries()) {
      assert.include((yield* Effect.flip(load(bytes))).message, "a damaged image", `spoiled ${i}`)
    }
  }))
