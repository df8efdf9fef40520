/** What a command is told to change is a flag that it has. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { computing } from "../../src/cli/main.ts"
import { Means } from "../../src/dsl/Means.ts"
import { here } from "./here.ts"

const folder = new URL("../../src/cli/commands/", import.meta.url)

it.effect("by a flag for each setting where there are such, else by a preset", () =>
  Effect.gen(function*() {
    const seen: Array<Means> = []
    const look = Effect.map(Means, (means) => void seen.push(means))
    yield* computing({ device: "cpu" })(look)
    yield* computing({ device: "cpu" }, "flags")(look)
    assert.deepStrictEqual(seen, ["preset", "flags"])
    const told = readdirSync(folder).filter((name) =>
      /computing\(.*, "flags"\)\(/.test(readFileSync(new URL(name, folder), "utf8"))
    )
    assert.deepStrictEqual(told, ["evaluate.ts", "plan.ts", "train.ts"])
    for (const name of told) {
      const { stdout } = yield* here([name.replace(".ts", ""), "--help"])
      assert.include(stdout, "--max-tokens ", name)
    }
  }).pipe(Effect.provide(NodeServices.layer)))
