/** Addresses as they are shown and recorded. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { named } from "../../../src/cli/policy.ts"
import { shownAddress } from "../../../src/policy/http/Address.ts"
import * as Policies from "../../../src/policy/layers.ts"

describe("a shown address", () => {
  it("holds no user, no password and no value of a query", () => {
    for (
      const [address, shown] of [
        ["http://localhost:8000/v1", "http://localhost:8000/v1"],
        ["https://gate.example/a@b/v1", "https://gate.example/a@b/v1"],
        ["https://user:SECRET@host/v1", "https://<redacted>@host/v1"],
        ["https://SECRET@host/v1", "https://<redacted>@host/v1"],
        ["user:SECRET@host/v1", "<redacted>@host/v1"],
        ["https://user:SEC/RET@ho st/v1", "https://<redacted>@ho st/v1"],
        ["https://host/v1?api_key=SECRET&v=SECRET", "https://host/v1?api_key=<redacted>&v=<redacted>"],
        ["https://host/v1#key=SECRET", "https://host/v1#key=<redacted>"]
      ] as const
    ) assert.strictEqual(shownAddress(address), shown)
  })

  it.effect("stands in the refusal of one that holds a secret, and in what runs record", () =>
    Effect.gen(function*() {
      for (
        const baseUrl of ["https://u:SECRET@host/v1", "https://host/v1?api_key=SECRET", "http://u:SECRET@ho st/v1"]
      ) {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(Policies.openai({ baseUrl, model: "m" }))))
        assert.notInclude(error.message, "SECRET")
        const flags = { model: "", remote: Option.some(baseUrl), remoteModel: "m" }
        assert.notInclude(named(flags as Parameters<typeof named>[0]), "SECRET")
      }
    }))
})
