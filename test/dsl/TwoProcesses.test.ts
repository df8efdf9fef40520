/** Two processes that resume one run at the same time: one is refused, and nothing is harmed. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ChildProcess } from "effect/process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { contents, temporary } from "./folders.ts"

const program = fileURLToPath(new URL("programs/compete.ts", import.meta.url))
const rounds = 20

const waiting = (condition: () => boolean) =>
  Effect.repeat(Effect.andThen(Effect.sleep("5 millis"), Effect.sync(condition)), { until: (met) => met })

describe("two processes on one run", () => {
  it.live(`are one that goes on and one that is refused, ${rounds} times`, () =>
    Effect.gen(function*() {
      const folder = yield* temporary
      const names = ["a", "b"]
      for (const name of names) yield* ChildProcess.make(process.execPath, [program, folder, String(rounds), name])
      const went: Array<string> = []
      let expected: Readonly<Record<string, string>> | undefined
      for (let i = 0; i < rounds; i++) {
        const ended = () => names.filter((name) => existsSync(`${folder}/${name}-${i}`))
        const said = (name: string) => readFileSync(`${folder}/${name}-${i}`, "utf8")
        writeFileSync(`${folder}/go-${i}`, "")
        yield* waiting(() => ended().length > 0)
        const [loser = ""] = ended()
        yield* waiting(() => said(loser) !== "")
        assert.match(said(loser), /^RunFolderInUse: .* is in use: process \d+ on .* has held it since/)
        // What is there of the run is the winner's: it trains on.
        writeFileSync(`${folder}/end-${i}`, "")
        const winner = names.find((name) => name !== loser) ?? ""
        yield* waiting(() => ended().length === 2 && said(winner) !== "")
        assert.strictEqual(said(winner), "done")
        went.push(winner)
        const files = yield* contents(`${folder}/run-${i}`)
        assert.isUndefined(files["run.lock"])
        expected ??= files
        assert.deepStrictEqual(files, expected)
      }
      assert.strictEqual(went.length, rounds)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
