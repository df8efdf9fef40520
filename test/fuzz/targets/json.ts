import { Effect } from "effect"
import { Json } from "../../../src/kernels/weights/index.ts"
import { values } from "../data.ts"
import { holds, type Target } from "../Target.ts"

const attempt = (parse: (text: string) => unknown, text: string) => {
  try {
    return { value: parse(text) }
  } catch {
    return undefined
  }
}

export const target: Target = {
  name: "json",
  kind: "json",
  seeds: values({ "a\n": [1, { "\\": null }], "\"": "x" }, [[[]], {}, -0.5e-3], { "é": { "__proto__x": true } }),
  run: (input) =>
    Effect.sync(() => {
      const text = Buffer.from(input).toString()
      const ours = attempt(Json.parse, text)
      const theirs = attempt(JSON.parse, text)
      // Ours is held to bounds; what it takes is the same. Its keys may differ where the runtime's are wrong.
      holds(ours === undefined || theirs !== undefined, () => "what is no JSON")
      if (ours === undefined) return false
      const again = JSON.stringify(ours.value)
      holds(JSON.stringify(Json.parse(again)) === again, () => "JSON that does not come back")
      return true
    })
}
