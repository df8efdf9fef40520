import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"

const module = new URL("../../../src/kernels/runtime/Nursery.ts", import.meta.url).href

/** Grows the nursery by objects that live, shrinks it, does so again: its bytes after each. */
const program = `
  import { Effect } from "effect"
  import { getHeapSpaceStatistics } from "node:v8"
  import { shrink } from "${module}"
  const bytes = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space").space_size
  const live = () => Array.from({ length: 400_000 }, (_, i) => ({ i })).length
  const told = [live() && bytes()]
  Effect.runSync(shrink)
  told.push(bytes(), live() && bytes())
  console.log(JSON.stringify([...told, typeof gc]))
`

describe("the nursery", () => {
  it.effect("is small again, and stays so", () =>
    Effect.sync(() => {
      // The flags are of a whole process.
      const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" })
      const [grown, shrunk, kept, collector] = JSON.parse(stdout)
      assert.isAbove(grown, 8 * 2 ** 20)
      assert.isAtMost(shrunk, 2 * 2 ** 20)
      assert.isAtMost(kept, 4 * 2 ** 20)
      assert.strictEqual(collector, "undefined")
    }))
})
