/** Ten updates of every objective at an engine and on this machine; `npm test` compares the first of them. */
import { describe, layer } from "@effect/vitest"
import { Layer } from "effect"
import { learnsAlike, type Name, steps } from "../policy/tinker/alike.ts"
import { engines, local } from "../policy/tinker/engines.ts"
import { minutes, skip } from "./long.ts"

describe.skipIf(skip)("Policy.tinker", () => {
  layer(Layer.merge(engines, local), { timeout: 120_000, excludeTestServices: true })((it) => {
    for (const [name, updates] of Object.entries(steps)) {
      it.effect(
        `learns as the local policy does: ${name}, ${updates} updates`,
        () => learnsAlike(name as Name, updates),
        minutes(10)
      )
    }
  })
})
