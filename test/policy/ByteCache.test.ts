/** A cache of bytes: the least recently used go first, and what is set again counts once. */
import { assert, describe, it } from "@effect/vitest"
import { ByteCache } from "../../src/policy/ByteCache.ts"

const made = (limit: number) => new ByteCache<string>(limit, (value) => value.length)

describe("ByteCache", () => {
  it("drops the least recently used beyond its limit", () => {
    const cache = made(6)
    cache.set("a", "123")
    cache.set("b", "123")
    cache.get("a")
    cache.set("c", "123")
    assert.deepStrictEqual(["a", "b", "c"].map((key) => cache.get(key)), ["123", undefined, "123"])
  })

  it("counts a key that is set again once, with its new size", () => {
    const cache = made(6)
    for (let i = 0; i < 10; i++) cache.set("a", "123")
    cache.set("b", "123")
    assert.deepStrictEqual(["a", "b"].map((key) => cache.get(key)), ["123", "123"])
    cache.set("a", "1")
    cache.set("c", "12")
    assert.deepStrictEqual(["a", "b", "c"].map((key) => cache.get(key)), ["1", "123", "12"])
  })
})
