/** Pictures of a few pixels: told of alike in whichever order they were decoded. */
import { assert, it } from "@effect/vitest"
import { tiny } from "../../src/sources/tiny.ts"

it("names small pictures by their ids, each once, and no others", () => {
  const told = (ids: ReadonlyArray<string>) => {
    const { notes, see } = tiny()
    for (const id of ids) see(id, { width: 7, height: 90 })
    see("large", { width: 8, height: 8 })
    return notes()
  }
  assert.deepStrictEqual(told([]), [])
  const says =
    "5 pictures with a side under 8 pixels, which show next to nothing: a (7 × 90), b (7 × 90), c (7 × 90) " +
    "and 2 more"
  for (const ids of [["a", "b", "c", "d", "e"], ["e", "c", "a", "d", "b", "a"]]) {
    assert.deepStrictEqual(told(ids), [says])
  }
})
