/** A run goes on by its folder alone. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { again, commandOf, partsOf } from "../../src/cli/commandLine.ts"
import { kept, resumed } from "../../src/cli/resumed.ts"

const begun = (out: string) => [
  "--json",
  "train",
  "-d",
  "my pictures",
  "--budget=5m",
  "-s",
  "-1",
  "--strict",
  "-o",
  out,
  "-q"
]

describe("a command line", () => {
  it("has a command, and flags with the values behind them", () => {
    const words = begun("runs/x")
    assert.deepStrictEqual(commandOf(words), ["train"])
    assert.deepStrictEqual(partsOf(words).map(({ flag }) => flag), [
      "--json",
      "",
      "--data",
      "--budget",
      "--seed",
      "--strict",
      "--out",
      "--quiet"
    ])
  })

  it("is kept without what is said anew each time, and without secrets", () => {
    assert.deepStrictEqual(kept(begun("runs/x")).command, [
      "train",
      "-d",
      "my pictures",
      "--budget=5m",
      "-s",
      "-1",
      "--strict"
    ])
    const asked = ["evaluate", "--remote", "https://me:secret@host/v1", "--remote-model", "vl"]
    assert.deepStrictEqual(kept(asked).command, ["evaluate", "--remote-model", "vl"])
  })

  it("that goes on is whole, and quoted for a shell", () => {
    assert.match(again(begun("x"), "runs/my own"), / train --out 'runs\/my own' --resume$/)
  })

  it.effect("takes the options of the run that it resumes, and its own over them", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${out}/run.json`, JSON.stringify({ identity: {}, about: kept(begun(out)) }))
      const words = ["train", "--out", out, "--resume", "--seed", "4"]
      assert.deepStrictEqual(yield* resumed(words), [...words, "-d", "my pictures", "--budget=5m", "--strict"])
      for (
        const others of [["audit", "-o", out, "--resume"], ["train", "-o", out], ["train", "-o", "/no", "--resume"]]
      ) {
        assert.deepStrictEqual(yield* resumed(others), others)
      }
    })).pipe(Effect.provide(NodeServices.layer)))
})
