/** Names on a command line that are no pictures. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { find } from "../../../src/cli/annotations/Pictures.ts"

describe("pictures", () => {
  it.effect("at an address are to be downloaded, and have their rows", () =>
    Effect.gen(function*() {
      const found = yield* find(["https://example.com/a.png", "b.png"], { recursive: false })
      assert.deepStrictEqual(found.names, ["https://example.com/a.png", "b.png"])
      assert.match(found.notes.join(), /https:\/\/example\.com\/a\.png is an address: download it first/)
    }).pipe(Effect.provide(NodeServices.layer)))
})
