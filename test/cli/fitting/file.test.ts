import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { settings } from "../../../src/cli/fitting/file.ts"
import { photos } from "../../../src/pipelines/Presets.ts"

it.effect("a file of settings is JSON or a module; what it cannot be is said with its name", () =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped()
    const of = (name: string, text: string) =>
      Effect.andThen(fs.writeFileString(`${folder}/${name}`, text), settings(`${folder}/${name}`))
    const sft = { sft: { steps: 9 } }
    assert.deepStrictEqual(yield* of("a.json", `\uFEFF${JSON.stringify(sft)}`), sft)
    assert.deepStrictEqual(yield* of("a.ts", `const steps: number = 9\nexport default { sft: { steps } }`), sft)
    const presets = pathToFileURL(resolve("src/pipelines/Presets.ts")).href
    const { name: _, ...parts } = photos
    assert.deepStrictEqual(
      yield* of("b.ts", `import { photos } from "${presets}"\nexport default { ...photos, validation: 0.2 }`),
      { ...parts, validation: 0.2 }
    )
    const faults = [
      ["b.json", "{", /b\.json: not JSON: line 1, column 2: expected a name in quotation marks or }, found the end/],
      [
        "i.json",
        `{"sft":{"steps":9},\n"sft":{"epochs":1}}`,
        /i\.json: line 2, column 1: "sft" stands twice in one object, and which of them .*: leave one$/
      ],
      ["e.json", `{"sft":{"learningRate":1e999}}`, /sft\.learningRate is beyond the largest number \(1\.8e308\)/],
      ["f.json", `{"rft":{"deadSteps":1e999}}`, /rft\.deadSteps is beyond the largest number/],
      ["g.json", `{"steps":1}`, /steps is not a setting; .*: did you mean warmUp\.steps, reinforce\.steps/],
      ["h.json", `{"rfrt":{}}`, /rfrt is not a setting; .*: did you mean rft\?/],
      ["c.json", "[1]", /c\.json: .*not a setting|c\.json: expected an object/],
      ["d.json", `{"sft":{"stepz":1}}`, /sft\.stepz is not a setting; sft has steps.*: did you mean steps\?/],
      ["b.mts", "export const sft = 1", /has no default export/],
      ["c.mts", "throw new Error('no')", /c\.mts: cannot be loaded: no/]
    ] as const
    for (const [name, text, says] of faults) assert.match((yield* Effect.flip(of(name, text))).message, says)
    for (const name of ["nowhere.json", "nowhere.ts"]) {
      assert.match((yield* Effect.flip(settings(`${folder}/${name}`))).message, /no such file/)
    }
  })).pipe(Effect.provide(NodeServices.layer)))
